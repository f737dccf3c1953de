// The same as a command: what is about to be done, as a line for a shell.
import { type JSX } from "solid-js";
import { t } from "../i18n";

export function SameAsCommand(props: { command: string; curl: string }): JSX.Element {
  const copy = (text: string) => void navigator.clipboard.writeText(text);
  return (
    <details class="commands">
      <summary>{t("same_as_command")}</summary>
      <div class="commands">
        <pre tabindex="0">{props.command}</pre>
        <pre tabindex="0">{props.curl}</pre>
        <div class="line">
          <button type="button" class="small" onClick={() => copy(props.command)}>{t("copy_command")}</button>
          <button type="button" class="small" onClick={() => copy(props.curl)}>{t("copy_curl")}</button>
        </div>
      </div>
    </details>
  );
}
