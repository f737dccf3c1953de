// The same as a command: what is about to be done, as a line for a shell.
import { type JSX } from "solid-js";
import { t } from "../i18n";
import { Copy } from "./copy";

export function SameAsCommand(props: { command: string; curl: string }): JSX.Element {
  return (
    <details class="commands">
      <summary>{t("same_as_command")}</summary>
      <div class="commands">
        <pre tabindex="0">{props.command}</pre>
        <pre tabindex="0">{props.curl}</pre>
        <div class="line">
          <Copy class="small" text={props.command}>{t("copy_command")}</Copy>
          <Copy class="small" text={props.curl}>{t("copy_curl")}</Copy>
        </div>
      </div>
    </details>
  );
}
