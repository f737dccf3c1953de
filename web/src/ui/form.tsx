// Forms made from a table of fields: what the daemon checks is what can be typed, with its bounds, units and help.
import { createUniqueId, For, Show, type JSX } from "solid-js";
import { describe, entryOf, titleOf, typeOf, unitOf, valueForPeople, type Document, type Field } from "../api/schema";
import { language, t } from "../i18n";
import { shortSize } from "../i18n/units";
import { SizeInput, WordsInput } from "./inputs";

export interface FormProps {
  table: Field;
  value: Document;
  set: (path: string[], value: unknown) => void; // undefined: the field's default
  creating: boolean;
  hide?: readonly string[];
  suggest?: Record<string, readonly string[]>; // values that make sense, by the field's dotted path without keys
  picks?: Record<string, readonly string[]>; // likewise, of names: all that there are, as far as one may see them
  choices?: Record<string, readonly Choice[]>; // of lists: all values that there are
  usual?: (path: readonly string[]) => unknown; // what else than the field's default it is for who says nothing
}

export interface Choice {
  value: string;
  help?: string;
}

const longTexts = new Set(["description", "cmdline", "append"]);
const lineLists = new Set(["keys"]); // of words that have blanks: one a line
// As <input type="datetime-local"> has it.
function localTime(value: unknown): string {
  if (typeof value !== "string") return "";
  const time = new Date(value);
  return new Date(time.getTime() - time.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}

// Japanese begins with no capital: what stands there in Latin letters is a name.
const upper = (text: string) => (language() === "ja" ? text : text.charAt(0).toUpperCase() + text.slice(1));

const usualOf = (form: FormProps, path: readonly string[], field: Field) => form.usual?.(path) ?? field.default;

// One of the names that there are, or none: what that means stands in its place.
function Pick(props: { id: string; note?: string; required?: boolean; value: unknown; usual: unknown; none: string; names: readonly string[]; set: (value: unknown) => void }): JSX.Element {
  const value = () => String(props.value ?? props.usual ?? "");
  const names = () => (value() && !props.names.includes(value()) ? [value(), ...props.names] : props.names);
  return (
    <select id={props.id} aria-describedby={props.note} required={props.required} onChange={(event) => props.set(event.currentTarget.value || undefined)}>
      <Show when={props.usual === undefined}><option value="" selected={!value()}>{props.none}</option></Show>
      <For each={names()}>{(name) => <option value={name} selected={name === value()}>{name}</option>}</For>
    </select>
  );
}

interface InputProps {
  field: Field;
  name: string;
  path: string[];
  id: string;
  note?: string;
  value: unknown;
  required?: boolean; // an entry is nothing without it
  form: FormProps;
}

function Input(props: InputProps): JSX.Element {
  const set = (value: unknown) => props.form.set(props.path, value);
  const kind = typeOf(props.field);
  const usual = () => usualOf(props.form, props.path, props.field);
  const plain = () => (props.path.length > 2 ? `${props.path[0]}.${props.name}` : props.path.join("."));
  const suggestions = () => props.form.suggest?.[plain()];
  const picks = () => props.form.picks?.[plain()];
  if (props.field.enum)
    return (
      <select id={props.id} aria-describedby={props.note} value={String(props.value ?? usual() ?? "")} onChange={(event) => set(event.currentTarget.value || undefined)}>
        <Show when={usual() === undefined}><option value="">–</option></Show>
        <For each={props.field.enum}>{(word) => <option value={word}>{word}</option>}</For>
      </select>
    );
  if (kind === "integer" && unitOf(props.field) === "B")
    return <SizeInput id={props.id} note={props.note} value={typeof props.value === "number" ? props.value : undefined} placeholder={typeof usual() === "number" ? shortSize(usual() as number) : ""} set={set} />;
  if (kind === "integer")
    return (
      <input
        id={props.id}
        aria-describedby={props.note}
        type="number"
        min={props.field.minimum}
        max={props.field.maximum}
        value={typeof props.value === "number" ? props.value : ""}
        placeholder={String(usual() ?? "")}
        onInput={(event) => event.currentTarget.validity.valid && set(event.currentTarget.value === "" ? undefined : event.currentTarget.valueAsNumber)}
        onChange={(event) => event.currentTarget.reportValidity()}
      />
    );
  const choices = props.form.choices?.[props.path.join(".")];
  if (kind === "array" && choices) {
    const has = (word: string) => Array.isArray(props.value) && props.value.includes(word);
    const toggle = (word: string, on: boolean) => set(choices.map((one) => one.value).filter((one) => (one === word ? on : has(one))));
    return (
      <div class="choices" role="group" aria-labelledby={`${props.id}-label`}>
        <For each={choices}>
          {(one) => <label class="check"><input type="checkbox" checked={has(one.value)} onChange={(event) => toggle(one.value, event.currentTarget.checked)} /><span><code>{one.value}</code> <span class="quiet small">{one.help}</span></span></label>}
        </For>
      </div>
    );
  }
  if (kind === "array" && lineLists.has(props.name))
    return (
      <textarea
        id={props.id}
        aria-describedby={props.note}
        rows="2"
        value={Array.isArray(props.value) ? props.value.join("\n") : ""}
        onChange={(event) => set(event.currentTarget.value.split("\n").map((line) => line.trim()).filter(Boolean))}
      />
    );
  if (kind === "array") return <WordsInput id={props.id} note={props.note} value={Array.isArray(props.value) ? (props.value as string[]) : []} set={set} />;
  if (props.field.format === "date-time")
    return <input id={props.id} aria-describedby={props.note} type="datetime-local" value={localTime(props.value)} onChange={(event) => set(event.currentTarget.value ? new Date(event.currentTarget.value).toISOString().replace(/\.\d+Z$/, "Z") : undefined)} />;
  if (longTexts.has(props.name))
    return (
      <textarea
        id={props.id}
        aria-describedby={props.note}
        rows="2"
        maxLength={props.field.maxLength}
        value={String(props.value ?? "")}
        onInput={(event) => set(event.currentTarget.value === "" && props.field.default === undefined ? undefined : event.currentTarget.value)}
      />
    );
  const list = `${props.id}-list`;
  return (
    <Show when={!picks()?.length} fallback={<Pick {...props} usual={usual()} none={props.required ? "–" : t(plain() === "cdroms.image" ? "drive_empty" : "none")} names={picks()!} set={set} />}>
      <input
        id={props.id}
        aria-describedby={props.note}
        required={props.required}
        maxLength={props.field.maxLength}
        list={suggestions() ? list : undefined}
        value={String(props.value ?? "")}
        placeholder={String(usual() ?? "")}
        autocomplete="off"
        onInput={(event) => set(event.currentTarget.value === "" ? undefined : event.currentTarget.value)}
      />
      <Show when={suggestions()}>
        {(words) => <datalist id={list}><For each={words()}>{(word) => <option value={word} />}</For></datalist>}
      </Show>
    </Show>
  );
}

function OneField(props: Omit<InputProps, "id" | "note">): JSX.Element {
  const id = createUniqueId();
  const title = () => titleOf(props.field) || props.name;
  // What the title does not say already.
  const note = () => {
    const help = describe(props.field).replace(/; bytes, also accepted.*$/, "");
    return help.toLowerCase() === title().toLowerCase() || /^\w+ \w+$/.test(help) || (help.includes(title()) && help.length < title().length + 5) ? "" : upper(help);
  };
  const wide = () => longTexts.has(props.name) || lineLists.has(props.name) || (typeOf(props.field) === "array" && props.form.choices?.[props.path.join(".")]);
  return (
    <div class={`field ${wide() ? "wide" : ""}`}>
      <Show
        when={typeOf(props.field) === "boolean"}
        fallback={
          <>
            <span class="label"><label id={`${id}-label`} for={id}>{title()}</label><Show when={unitOf(props.field) !== "B"}><span class="quiet">{unitOf(props.field) === "s" ? t("seconds") : unitOf(props.field)}</span></Show></span>
            <Input {...props} id={id} note={note() ? `${id}-note` : undefined} />
          </>
        }
      >
        <label class="check">
          <input type="checkbox" aria-describedby={note() ? `${id}-note` : undefined} checked={(props.value ?? usualOf(props.form, props.path, props.field) ?? false) === true} onChange={(event) => props.form.set(props.path, event.currentTarget.checked)} />
          <span>{title()}</span>
        </label>
      </Show>
      <Show when={note()}><span class="note" id={`${id}-note`} title={props.path.join(".")}>{note()}</span></Show>
    </div>
  );
}

const writable = (field: Field, creating: boolean, fresh: boolean) => !field.readOnly && (creating || fresh || !field["x-fixed"]);

// `fresh`: an entry that is being added, whose fixed fields can still be chosen. `absent`: the object is not there, so nothing
// in it is on.
interface PartProps {
  table: Field;
  value: Document;
  base: Document;
  path: string[];
  fresh: boolean;
  absent?: boolean;
  form: FormProps;
}

// What is not empty stays in sight, whatever stands beside it.
function isOfUse(field: Field, name: string, props: PartProps): boolean {
  const when = field["x-when"];
  const beside = when && props.table.properties![when.field]!;
  return !when || !!props.value[name] || when.values.includes(String(props.value[when.field] ?? usualOf(props.form, [...props.path, when.field], beside!)));
}

// Names of the fields of a group (undefined: of none) that can be set here.
const namesIn = (props: PartProps, group: string | undefined) =>
  Object.entries(props.table.properties ?? {})
    .filter(([name, field]) => field["x-group"] === group && writable(field, props.form.creating, props.fresh) && !props.form.hide?.includes([...props.path, name].join(".")) && isOfUse(field, name, props))
    .map(([name]) => name);

// Those of the group that are settled, as words: what they are stays in sight.
const settledIn = (props: PartProps, group: string | undefined) =>
  Object.entries(props.table.properties ?? {})
    .filter(([name, field]) => field["x-fixed"] && field["x-group"] === group && !writable(field, props.form.creating, props.fresh) && !props.form.hide?.includes([...props.path, name].join(".")))
    .filter(([name, field]) => props.value[name] !== undefined && props.value[name] !== "" && !(props.value[name] === false && !field.default))
    .map(([name, field]) => (props.value[name] === true ? titleOf(field) : `${titleOf(field) || name}: ${valueForPeople(field, props.value[name])}`));

// What of these fields is not as their defaults are, in few words.
function saidOf(form: FormProps, table: Field, names: string[], value: Document, path: string[]): string[] {
  return names.flatMap((name) => {
    const field = table.properties![name]!;
    const own = value[name] ?? form.usual?.([...path, name]);
    if (field.readOnly) return [];
    if (field.properties) return saidOf(form, field, Object.keys(field.properties), (own ?? {}) as Document, [...path, name]);
    if (own === undefined || JSON.stringify(own) === JSON.stringify(field.default) || (own === false && !field.default)) return [];
    if (own === true) return titleOf(field);
    const words = entryOf(field) ? Object.keys(own as Document).filter((key) => (own as Document)[key] !== null).join(", ") : valueForPeople(field, own);
    return words && words !== "–" ? `${titleOf(field)}: ${words}` : [];
  });
}

// The fields of one group, and then the parts that the table has in it.
function Fields(props: PartProps & { group?: string }): JSX.Element {
  // By their names: a field that is still there keeps its input, and who types in it the focus.
  const names = () => namesIn(props, props.group);
  const field = (name: string) => props.table.properties![name]!;
  const isPart = (name: string) => !!(field(name).properties || entryOf(field(name)));
  const single = () => names().filter((name) => !isPart(name)).sort((a, b) => Number(typeOf(field(a)) === "boolean") - Number(typeOf(field(b)) === "boolean"));
  const inside = (of: Document, name: string) => (of[name] ?? {}) as Document;
  return (
    <>
      <Show when={(props.path.length || !props.group) && settledIn(props, props.group).length}><p class="quiet small settled">{settledIn(props, props.group).join(" · ")}</p></Show>
      <Show when={single().length}>
        <div class="fields">
          <For each={single()}>{(name) => <OneField field={field(name)} name={name} path={[...props.path, name]} value={props.absent && typeOf(field(name)) === "boolean" ? false : props.value[name]} required={props.fresh && props.table.required?.includes(name)} form={props.form} />}</For>
        </div>
      </Show>
      <For each={names().filter(isPart)}>
        {(name) => {
          const entry = entryOf(field(name));
          return entry ? (
            <Entries path={[...props.path, name]} field={field(name)} entry={entry} value={inside(props.value, name)} base={inside(props.base, name)} form={props.form} />
          ) : (
            <fieldset class="stack">
              <legend>{titleOf(field(name)) || upper(describe(field(name)))}</legend>
              <Part table={field(name)} value={inside(props.value, name)} base={inside(props.base, name)} path={[...props.path, name]} fresh={false} absent={props.value[name] === undefined} form={props.form} />
            </fieldset>
          );
        }}
      </For>
    </>
  );
}

// A table's fields: what everybody needs, and folded up what most do without, with what is set there beside its title.
function Part(props: PartProps): JSX.Element {
  const groups = () => Object.keys(props.table["x-groups"] ?? {}).filter((group) => namesIn(props, group).length);
  return (
    <>
      <Fields {...props} />
      <Show when={groups().length}>
        <div class="groups">
          <For each={groups()}>
            {(group) => (
              <details>
                <summary><strong>{titleOf(props.table["x-groups"]![group]!)}</strong> <span class="small">{[...(props.path.length ? [] : settledIn(props, group)), ...saidOf(props.form, props.table, namesIn(props, group), props.value, props.path)].join(" · ")}</span></summary>
                <div class="stack"><Fields {...props} group={group} /></div>
              </details>
            )}
          </For>
        </div>
      </Show>
    </>
  );
}

function Entries(props: { path: string[]; field: Field; entry: Field; value: Document; base: Document; form: FormProps }): JSX.Element {
  const keys = () => Object.keys(props.value).filter((key) => props.value[key] !== null);
  const single = props.field["x-key"] ?? props.path.at(-1)!;
  // Entries that are nothing but a value have names that mean something.
  const pairs = Object.keys(props.entry.properties ?? {}).join() === "value";
  let named: HTMLInputElement | undefined;
  const add = () => {
    if (pairs) {
      if (!named!.value || !named!.reportValidity()) return;
      props.form.set([...props.path, named!.value], { value: "" });
      named!.value = "";
      return;
    }
    let number = 0;
    const taken = new Set([...Object.keys(props.value), ...Object.keys(props.base)]);
    while (taken.has(`${single}${number}`)) number++;
    props.form.set([...props.path, `${single}${number}`], {});
  };
  return (
    <fieldset class="stack">
      <legend>{titleOf(props.field) || upper(describe(props.field))}</legend>
      <For each={keys()} fallback={<p class="quiet small">{t("none")}</p>}>
        {(key) => (
          <div class="entry">
            <div class="line">
              <h3 class="mono">{key}</h3>
              <button type="button" class="plain danger to-end" onClick={() => props.form.set([...props.path, key], null)}>{t("remove")}</button>
            </div>
            <Part table={props.entry} value={props.value[key] as Document} base={(props.base[key] ?? {}) as Document} path={[...props.path, key]} fresh={!(key in props.base)} form={props.form} />
          </div>
        )}
      </For>
      <div class="line">
        <Show when={pairs}><input ref={named} aria-label={t("entry_name")} placeholder={t("entry_name")} pattern="[a-z0-9][a-z0-9_\-]{0,31}" autocomplete="off" /></Show>
        <button type="button" disabled={keys().length >= (props.field.maxProperties ?? 99)} onClick={add}>{t("add_entry", { what: titleOf(props.entry) })}</button>
      </div>
    </fieldset>
  );
}

// A browser says nothing of what is wrong in a part that is folded up.
function showInvalid(event: Event): void {
  for (let part = (event.target as Element).closest("details"); part; part = part.parentElement!.closest("details")) part.open = true;
}

export function Form(props: FormProps & { base: Document }): JSX.Element {
  return (
    <div class="stack wide-gaps" ref={(part) => part.addEventListener("invalid", showInvalid, true)}>
      <Part table={props.table} value={props.value} base={props.base} path={[]} fresh={false} form={props} />
    </div>
  );
}
