// From page to page of a long list: back to its beginning, or further into the past.
import { Show, type JSX } from "solid-js";
import { t } from "../i18n";

export function Pager(props: { at?: string; next?: string; go: (to: string | undefined) => void }): JSX.Element {
  return (
    <div class="line">
      <Show when={props.at}><button onClick={() => props.go(undefined)}>{t("newest")}</button></Show>
      <Show when={props.next}>{(next) => <button onClick={() => props.go(next())}>{t("older")}</button>}</Show>
    </div>
  );
}
