// Forms made from a table of fields: what the daemon checks is what can be typed, with its bounds, units and help.
import { createUniqueId, For, Show, type JSX } from "solid-js";
import { describe, entryOf, titleOf, typeOf, type Document, type Field } from "../api/schema";
import { t } from "../i18n";
import { parseSize, shortSize } from "../i18n/units";

export interface FormProps {
  table: Field;
  value: Document;
  set: (path: string[], value: unknown) => void; // undefined: the field's default
  creating: boolean;
  hide?: readonly string[];
  suggest?: Record<string, readonly string[]>; // values that make sense, by the field's dotted path without keys
  wrong?: { field?: string; message: string };
}

const longTexts = new Set(["description", "cmdline", "append"]);
const upper = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

function Input(props: { field: Field; name: string; path: string[]; id: string; value: unknown; form: FormProps }): JSX.Element {
  const set = (value: unknown) => props.form.set(props.path, value);
  const kind = typeOf(props.field);
  const suggestions = () => props.form.suggest?.[props.path.length > 2 ? `${props.path[0]}.${props.name}` : props.path.join(".")];
  if (props.field.enum)
    return (
      <select id={props.id} value={String(props.value ?? props.field.default ?? "")} onChange={(event) => set(event.currentTarget.value || undefined)}>
        <Show when={props.field.default === undefined}><option value="">–</option></Show>
        <For each={props.field.enum}>{(word) => <option value={word}>{word}</option>}</For>
      </select>
    );
  if (kind === "integer" && props.field["x-unit"] === "B")
    return (
      <input
        id={props.id}
        value={typeof props.value === "number" ? shortSize(props.value) : ""}
        placeholder={typeof props.field.default === "number" ? shortSize(props.field.default) : "8G"}
        onChange={(event) => {
          const text = event.currentTarget.value.trim();
          const bytes = parseSize(text);
          event.currentTarget.setCustomValidity(text && Number.isNaN(bytes) ? t("size_wrong") : "");
          if (event.currentTarget.reportValidity()) set(text ? bytes : undefined);
        }}
      />
    );
  if (kind === "integer")
    return (
      <input
        id={props.id}
        type="number"
        min={props.field.minimum}
        max={props.field.maximum}
        value={typeof props.value === "number" ? props.value : ""}
        placeholder={props.field.default === undefined ? "" : String(props.field.default)}
        onChange={(event) => {
          if (event.currentTarget.reportValidity()) set(event.currentTarget.value === "" ? undefined : event.currentTarget.valueAsNumber);
        }}
      />
    );
  if (kind === "array")
    return (
      <input
        id={props.id}
        value={Array.isArray(props.value) ? props.value.join(", ") : ""}
        placeholder={t("list_hint")}
        onChange={(event) => set(event.currentTarget.value.split(/[,、\s]+/).filter(Boolean))}
      />
    );
  if (longTexts.has(props.name))
    return (
      <textarea
        id={props.id}
        rows="2"
        maxLength={props.field.maxLength}
        value={String(props.value ?? "")}
        onChange={(event) => set(event.currentTarget.value === "" && props.field.default === undefined ? undefined : event.currentTarget.value)}
      />
    );
  const list = `${props.id}-list`;
  return (
    <>
      <input
        id={props.id}
        maxLength={props.field.maxLength}
        list={suggestions() ? list : undefined}
        value={String(props.value ?? "")}
        placeholder={props.field.default === undefined ? "" : String(props.field.default)}
        autocomplete="off"
        onChange={(event) => set(event.currentTarget.value === "" ? undefined : event.currentTarget.value)}
      />
      <Show when={suggestions()}>
        {(words) => <datalist id={list}><For each={words()}>{(word) => <option value={word} />}</For></datalist>}
      </Show>
    </>
  );
}

function OneField(props: { field: Field; name: string; path: string[]; value: unknown; form: FormProps }): JSX.Element {
  const id = createUniqueId();
  const wrong = () => (props.form.wrong?.field === props.path.join(".") ? props.form.wrong.message : undefined);
  const title = () => upper(describe(props.field).split(/[;；]/)[0]!);
  if (typeOf(props.field) === "boolean")
    return (
      <div class="field">
        <label class="check">
          <input type="checkbox" checked={(props.value ?? props.field.default ?? false) === true} onChange={(event) => props.form.set(props.path, event.currentTarget.checked)} />
          <span>{title()}</span>
        </label>
      </div>
    );
  return (
    <div class={`field ${longTexts.has(props.name) ? "wide" : ""}`}>
      <span class="label">
        <label for={id}>{title()}</label>
        <code>{props.name}</code>
      </span>
      <Input {...props} id={id} />
      <Show when={wrong()}>{(text) => <span class="wrong">{text()}</span>}</Show>
    </div>
  );
}

const writable = (field: Field, creating: boolean, fresh: boolean) => !field.readOnly && (creating || fresh || !field["x-fixed"]);

// `fresh`: an entry that is being added, whose fixed fields can still be chosen.
function Fields(props: { table: Field; value: Document; path: string[]; fresh: boolean; form: FormProps }): JSX.Element {
  const shown = () =>
    Object.entries(props.table.properties ?? {}).filter(
      ([name, field]) => writable(field, props.form.creating, props.fresh) && !field.properties && !entryOf(field) && !props.form.hide?.includes([...props.path, name].join(".")),
    );
  return (
    <Show when={shown().length}>
      <div class="fields">
        <For each={shown()}>{([name, field]) => <OneField field={field} name={name} path={[...props.path, name]} value={props.value[name]} form={props.form} />}</For>
      </div>
    </Show>
  );
}

function Entries(props: { name: string; field: Field; entry: Field; value: Document; base: Document; form: FormProps }): JSX.Element {
  const keys = () => Object.keys(props.value).filter((key) => props.value[key] !== null);
  const single = props.name.replace(/s$/, "");
  const add = () => {
    let number = 0;
    const taken = new Set([...Object.keys(props.value), ...Object.keys(props.base)]);
    while (taken.has(`${single}${number}`)) number++;
    props.form.set([props.name, `${single}${number}`], {});
  };
  return (
    <fieldset class="stack">
      <legend>{upper(describe(props.field))}</legend>
      <For each={keys()} fallback={<p class="quiet small">{t("none")}</p>}>
        {(key) => (
          <div class="entry">
            <div class="line">
              <h3 class="mono">{key}</h3>
              <span class="quiet small">{Object.entries((props.base[key] ?? {}) as Document).filter(([n]) => ["volume", "mac", "storage", "model", "bus"].includes(n)).map(([, v]) => String(v)).join(" · ")}</span>
              <button class="plain danger to-end" onClick={() => props.form.set([props.name, key], null)}>{t("remove")}</button>
            </div>
            <Fields table={props.entry} value={props.value[key] as Document} path={[props.name, key]} fresh={!(key in props.base)} form={props.form} />
          </div>
        )}
      </For>
      <div>
        <button disabled={keys().length >= (props.field.maxProperties ?? 99)} onClick={add}>{t("add_entry", { what: titleOf(props.entry) })}</button>
      </div>
    </fieldset>
  );
}

export function Form(props: FormProps & { base: Document }): JSX.Element {
  const sections = () =>
    Object.entries(props.table.properties ?? {}).filter(
      ([name, field]) => !props.hide?.includes(name) && writable(field, props.creating, false) && (field.properties || entryOf(field)),
    );
  return (
    <div class="stack wide-gaps">
      <Fields table={props.table} value={props.value} path={[]} fresh={false} form={props} />
      <For each={sections()}>
        {([name, field]) => {
          const entry = entryOf(field);
          return entry ? (
            <Entries name={name} field={field} entry={entry} value={(props.value[name] ?? {}) as Document} base={(props.base[name] ?? {}) as Document} form={props} />
          ) : (
            <fieldset>
              <legend>{titleOf(field) || upper(describe(field))}</legend>
              <Fields table={field} value={(props.value[name] ?? {}) as Document} path={[name]} fresh={false} form={props} />
            </fieldset>
          );
        }}
      </For>
    </div>
  );
}
