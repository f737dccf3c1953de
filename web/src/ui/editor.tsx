// A document that is made or changed in a dialog: the form of its table, then the plan.
import { createMemo, createSignal, Show, type JSX } from "solid-js";
import { tableOf } from "../api/read";
import { mergePatch, withField, type Document } from "../api/schema";
import { t } from "../i18n";
import { ChangeDialog, type Change } from "./change";
import { Dialog } from "./dialog";
import { Form, type FormProps } from "./form";

interface EditorProps extends Pick<FormProps, "hide" | "suggest" | "choices"> {
  table: string; // its name
  title: string;
  base?: Document; // what is changed; what is made has none
  start?: Document; // what a new one begins with
  path: string; // of the collection, or of what is changed
  command: string; // "user": its create and set are the same
  close: () => void;
  done?: (answer: Document, sent: Document) => void;
}

export function Editor(props: EditorProps): JSX.Element {
  const table = tableOf(props.table);
  const base = props.base ?? {};
  const start = props.base ?? props.start ?? {};
  const [draft, setDraft] = createSignal<Document>(start);
  const [change, setChange] = createSignal<Change>();
  const patch = createMemo(() => (props.base ? (mergePatch(base, draft()) as Document | undefined) : draft()));
  const ready = () => !!patch() && (table()?.required ?? []).every((name) => table()!.properties![name]!.readOnly || draft()[name] !== undefined);
  const name = () => String(draft().name ?? "");
  const plan = (event: Event) => {
    event.preventDefault();
    setChange({
      title: props.base ? t("change_of", { name: name() || props.title }) : t("create_of", { name: name() }),
      method: props.base ? "PATCH" : "POST",
      path: props.path,
      body: patch(),
      command: `${props.command} ${props.base ? "set" : "create"}`,
      words: name() ? [name()] : [],
      table: table(),
      verb: props.base ? undefined : t("create"),
    });
  };
  return (
    <>
      <Dialog title={props.title} class="wide" firm={!!mergePatch(start, draft())} close={() => change() || props.close()}>
        <form class="stack" onSubmit={plan}>
          <Show when={table()}>
            {(fields) => <Form table={fields()} value={draft()} base={base} creating={!props.base} set={(path, value) => setDraft(withField(draft(), path, value))} hide={props.hide} suggest={props.suggest} choices={props.choices} />}
          </Show>
          <div class="buttons">
            <button type="button" onClick={() => props.close()}>{t("cancel")}</button>
            <button class="main-action" disabled={!ready()}>{t("show_plan")}</button>
          </div>
        </form>
      </Dialog>
      <Show when={change()} keyed>
        {(what) => <ChangeDialog change={what} close={() => setChange(undefined)} done={(answer) => (props.close(), props.done?.(answer, draft()))} />}
      </Show>
    </>
  );
}
