// The filter language of the API (docs/api.md, Lists), for rows that the page already has: `state:running tags:prod
// name~web memory>1G -tags:test "two words"`. A text that it does not understand is answered with what is wrong.
import { parseSize } from "../i18n/units";

export type Row = Record<string, unknown>;
type Test = (row: Row) => boolean;

const alias: Record<string, string> = { status: "state", tag: "tags", cpu: "cpus" };
const words = /\s*(-?)((?:[^\s":~<>=]+?)(?=[:~<>]|>=|<=))?(:|~|>=|<=|>|<)?("(?:[^"\\]|\\.)*"|[^\s"]*)/y;

const unquote = (text: string) => (text.startsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, "$1") : text);
const each = (value: unknown): unknown[] => (Array.isArray(value) ? value : [value]);

function find(row: Row, name: string): unknown {
  return name.split(".").reduce<unknown>((value, part) => (value as Row | undefined)?.[part], row);
}

function compare(value: unknown, operator: string, text: string): boolean {
  const number = parseSize(text);
  const [a, b] = typeof value === "number" ? [value, number] : [String(value ?? ""), text];
  if (operator === ">") return a > b;
  if (operator === "<") return a < b;
  return operator === ">=" ? a >= b : a <= b;
}

function term(name: string | undefined, operator: string | undefined, value: string): Test {
  if (!name || !operator) {
    const part = value.toLowerCase();
    return (row) => String(row.id).includes(part) || String(row.name).toLowerCase().includes(part);
  }
  const field = alias[name] ?? name;
  if (operator === ":") {
    if (value === "") return (row) => each(find(row, field)).every((one) => one === undefined || one === null || one === "");
    return (row) => each(find(row, field)).some((one) => String(one) === value || (typeof one === "number" && one === parseSize(value)));
  }
  if (operator === "~") {
    const part = value.toLowerCase();
    return (row) => each(find(row, field)).some((one) => String(one ?? "").toLowerCase().includes(part));
  }
  return (row) => compare(find(row, field), operator, value);
}

export interface Filter {
  test: Test;
  unknown?: string; // a field that rows do not have
}

export function parseFilter(text: string, fields: readonly string[]): Filter {
  const tests: Test[] = [];
  let unknown: string | undefined;
  words.lastIndex = 0;
  while (words.lastIndex < text.length) {
    const match = words.exec(text);
    if (!match || match[0] === "") break;
    const [, minus, name, operator, value] = match;
    if (!name && !value) continue;
    if (name && !fields.includes((alias[name] ?? name).split(".")[0]!)) unknown = name;
    const test = term(name, operator, unquote(value!));
    tests.push(minus ? (row) => !test(row) : test);
  }
  return { test: (row) => tests.every((test) => test(row)), unknown };
}
