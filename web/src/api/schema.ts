// The tables of fields as the daemon publishes them: forms, labels, units and the command's flags come from here.
import { get } from "./http";
import { either, t } from "../i18n";
import { duration, shortSize, size, when } from "../i18n/units";

export interface Field {
  type: string | string[];
  format?: string;
  title?: string;
  "x-title-ja"?: string;
  description?: string;
  "x-description-ja"?: string;
  default?: unknown;
  enum?: string[];
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  maxProperties?: number;
  readOnly?: boolean;
  properties?: Record<string, Field>;
  additionalProperties?: Field | boolean;
  items?: Field;
  required?: string[];
  "x-live"?: boolean;
  "x-fixed"?: boolean;
  "x-unit"?: string;
  "x-key"?: string; // of entries: what new keys begin with
  "x-when"?: { field: string; values: string[] }; // of use only where the field beside it has one of these
  "x-group"?: string; // one of its table's
  "x-groups"?: Record<string, Pick<Field, "title" | "x-title-ja">>; // what a form folds up, in this order
}

const known = new Map<string, Promise<Field>>();

export function schema(name: string): Promise<Field> {
  let found = known.get(name);
  if (!found) {
    found = get<Field>(`/schemas/${name}`);
    known.set(name, found);
    found.catch(() => known.delete(name));
  }
  return found;
}

export const describe = (field: Field) => either(field.description, field["x-description-ja"]);
export const titleOf = (field: Pick<Field, "title" | "x-title-ja">) => either(field.title, field["x-title-ja"]);
export const unitOf = (field: Field | undefined) => field?.["x-unit"];
export const entryOf = (field: Field): Field | undefined =>
  typeof field.additionalProperties === "object" ? field.additionalProperties : undefined;
export const typeOf = (field: Field): string => (Array.isArray(field.type) ? field.type[0]! : field.type);

export type Document = { [name: string]: unknown };
const isObject = (value: unknown): value is Document => typeof value === "object" && value !== null && !Array.isArray(value);

// The document with a field set, or taken away (null or undefined); `path` leads there by names and keys.
export function withField(document: Document, path: readonly string[], value: unknown): Document {
  const next = structuredClone(document);
  let part = next;
  for (const name of path.slice(0, -1)) part = (part[name] ??= {}) as Document;
  const name = path[path.length - 1]!;
  if (value === undefined || value === null) delete part[name];
  else part[name] = value;
  return next;
}

// The field at a dotted path; the key of an entry is a step that stands for the entry's table.
export function fieldAt(table: Field | undefined, path: string): Field | undefined {
  return path.split(".").reduce<Field | undefined>((field, name) => field && (entryOf(field) ?? field.properties?.[name]), table);
}

// What people call it: "disk0 · Size". An entry is named by its key, and what has no title by its name.
export function nameAt(table: Field | undefined, path: string): string {
  const words: string[] = [];
  let field = table;
  for (const name of path.split(".")) {
    const entry = field && entryOf(field);
    if (entry) words.pop();
    field = entry ?? field?.properties?.[name];
    words.push((!entry && field && titleOf(field)) || name);
  }
  return words.join(" · ");
}

// A value for people, with its unit.
export function valueForPeople(field: Field | undefined, value: unknown): string {
  if (value === undefined || value === null || value === "") return "–";
  if (typeof value === "boolean") return t(value ? "yes" : "no");
  if (typeof value === "number") return unitOf(field) === "B" ? size(value) : unitOf(field) === "s" ? duration(value) : String(value);
  if (Array.isArray(value)) return value.length ? value.map((one) => valueForPeople(field?.items, one)).join(", ") : "–";
  if (isObject(value)) {
    const parts = Object.entries(value).map(([name, part]) => `${name}: ${valueForPeople(field?.properties?.[name] ?? (field && entryOf(field)), part)}`);
    return parts.length ? parts.join(", ") : "–";
  }
  return field?.format === "date-time" ? when(String(value)) : String(value);
}

// The JSON merge patch (RFC 7396) that makes `after` of `before`; undefined if they are the same.
export function mergePatch(before: unknown, after: unknown): unknown {
  if (isObject(before) && isObject(after)) {
    const patch: Document = {};
    for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
      const part = name in after ? mergePatch(before[name], after[name]) : null;
      if (part !== undefined && !(part === null && !(name in before))) patch[name] = part;
    }
    return Object.keys(patch).length ? patch : undefined;
  }
  if (JSON.stringify(before) === JSON.stringify(after)) return undefined;
  return after === undefined ? null : after;
}

// The document with such a patch in it.
export function mergeInto(document: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const next: Document = isObject(document) ? { ...document } : {};
  for (const [name, part] of Object.entries(patch)) {
    if (part === null) delete next[name];
    else next[name] = mergeInto(next[name], part);
  }
  return next;
}

const quote = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

function valueText(field: Field | undefined, value: unknown): string {
  if (Array.isArray(value)) return value.join(",");
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number" && unitOf(field) === "B") return shortSize(value);
  return String(value);
}

// Flags of the command for a patch, by the rules that the command makes its own from.
function flags(table: Field, patch: Document, prefix: string): string[] {
  const words: string[] = [];
  for (const [name, value] of Object.entries(patch)) {
    const field = table.properties?.[name];
    const entry = field && entryOf(field);
    const flag = prefix + name.replaceAll("_", "-");
    if (entry && isObject(value)) {
      const one = flag.replace(/s$/, "");
      const pairs = Object.keys(entry.properties ?? {}).join() === "value";
      for (const [key, part] of Object.entries(value)) {
        if (part === null) words.push(`--no-${one} ${quote(key)}`);
        else if (isObject(part) && pairs) words.push(`--${one} ${quote(`${key}=${String(part.value)}`)}`);
        else if (isObject(part))
          words.push(`--${one} ${quote(`${key}:${Object.entries(part).map(([n, v]) => `${n}=${v === null ? "" : valueText(entry.properties?.[n], v)}`).join(",")}`)}`);
      }
    } else if (field?.properties && isObject(value)) {
      words.push(...flags(field, value, `${flag}-`));
    } else if (value === null) {
      words.push(`--unset ${flag}`);
    } else if (typeof value === "boolean") {
      const bare = name === "enabled" && prefix ? prefix.slice(0, -1) : flag;
      words.push(value ? `--${bare}` : `--no-${bare}`);
    } else {
      words.push(`--${flag} ${quote(valueText(field, value))}`);
    }
  }
  return words;
}

// What stands among the words already is no flag: the name of what is made, the recipe of an image.
export function commandLine(verb: string, words: string[], table?: Field, patch?: Document): string {
  const rest = Object.fromEntries(Object.entries(patch ?? {}).filter(([name, value]) => !((name === "name" || name === "recipe") && value === words[0])));
  return ["yado", verb, ...words.map(quote), ...(table ? flags(table, rest, "") : [])].join(" ");
}

export function curlLine(method: string, path: string, body?: unknown): string {
  const data = body === undefined ? "" : ` -H 'content-type: application/json' -d ${quote(JSON.stringify(body))}`;
  return `curl -X ${method} -H "authorization: Bearer $TOKEN"${data} ${quote(`${location.origin}/api/v1${path}`)}`;
}

// The three requests that bring a file in (docs/uploads.md).
export function uploadLines(file: string, bytes: number, image: Document): string {
  const auth = '-H "authorization: Bearer $TOKEN"';
  const api = `${location.origin}/api/v1`;
  return [
    `id=$(curl ${auth} -H 'content-type: application/json' -d '{"size":${bytes}}' ${api}/uploads | jq -r .id)`,
    `curl -X PATCH ${auth} -H 'content-type: application/octet-stream' -H 'upload-offset: 0' --upload-file ${quote(file)} ${api}/uploads/$id`,
    `curl ${auth} -H 'content-type: application/json' -d ${quote(JSON.stringify({ ...image, upload: "ID" })).replace('"ID"', `"'$id'"`)} ${api}/images`,
  ].join("\n");
}
