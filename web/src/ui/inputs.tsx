// Inputs whose text is not their value: what is typed stays as it was typed, the value follows with each letter.
import { createEffect, createSignal, on, type JSX } from "solid-js";
import { t } from "../i18n";
import { parseSize, shortSize } from "../i18n/units";

interface InputProps<T> {
  id?: string;
  note?: string; // the id of what is said about it
  required?: boolean;
  value: T | undefined;
  placeholder?: string;
  set: (value: T | undefined) => void;
}

function TypedInput<T>(props: InputProps<T> & { write: (value: T) => string; read: (text: string) => T | undefined; wrong: string }): JSX.Element {
  const written = () => (props.value === undefined ? "" : props.write(props.value));
  const [text, setText] = createSignal(written());
  const same = (a: T | undefined, b: T | undefined) => JSON.stringify(a) === JSON.stringify(b);
  createEffect(on(() => props.value, (value) => same(props.read(text()), value) || setText(written()), { defer: true }));
  return (
    <input
      id={props.id}
      aria-describedby={props.note}
      required={props.required}
      value={text()}
      placeholder={props.placeholder ?? ""}
      autocomplete="off"
      onInput={(event) => {
        const typed = event.currentTarget.value;
        const value = props.read(typed);
        setText(typed);
        event.currentTarget.setCustomValidity(typed.trim() && value === undefined ? props.wrong : "");
        if (!typed.trim() || value !== undefined) props.set(value);
      }}
      onChange={(event) => event.currentTarget.reportValidity()}
    />
  );
}

// Bytes, as "10G".
export function SizeInput(props: InputProps<number>): JSX.Element {
  const read = (text: string) => (Number.isNaN(parseSize(text)) ? undefined : parseSize(text));
  return <TypedInput {...props} write={shortSize} read={read} wrong={t("size_wrong")} />;
}

// Words, separated by commas or blanks.
export function WordsInput(props: InputProps<string[]>): JSX.Element {
  const read = (text: string) => text.split(/[,、\s]+/).filter(Boolean);
  return <TypedInput {...props} placeholder={t("list_hint")} write={(words) => words.join(", ")} read={read} wrong="" />;
}
