// A shutdown with a time and an end of its own, instead of the guest's settings; for all guests of a node as well.
import { createSignal, Show, type JSX } from "solid-js";
import { tableOf } from "../api/read";
import { commandLine, curlLine, withField, type Document } from "../api/schema";
import { t } from "../i18n";
import { Dialog } from "./dialog";
import { Form } from "./form";
import { SameAsCommand } from "./same";

interface ShutdownProps {
  table: "shutdown-request" | "node-shutdown-request";
  title: string;
  text: string;
  path: string; // of the request
  command: string;
  word: string;
  close: () => void;
  go: (body: Document) => void;
}

export function ShutdownDialog(props: ShutdownProps): JSX.Element {
  const table = tableOf(props.table);
  const [body, setBody] = createSignal<Document>({});
  return (
    <Dialog title={props.title} class="narrow" close={props.close}>
      <form class="stack" onSubmit={(event) => (event.preventDefault(), props.close(), props.go(body()))}>
        <p class="quiet">{props.text}</p>
        <Show when={table()}>{(fields) => <Form table={fields()} value={body()} base={{}} creating set={(path, value) => setBody(withField(body(), path, value))} />}</Show>
        <SameAsCommand command={commandLine(props.command, [props.word], table(), body())} curl={curlLine("POST", props.path, body())} />
        <div class="buttons">
          <button type="button" onClick={() => props.close()}>{t("cancel")}</button>
          <button class="main-action">{t("action_shutdown")}</button>
        </div>
      </form>
    </Dialog>
  );
}
