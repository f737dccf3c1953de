// A modal dialog of the browser's own: Escape closes it, focus stays in it and comes back.
import { onMount, type JSX } from "solid-js";
import { t } from "../i18n";
import { Icon } from "./icons";

export function Dialog(props: { title?: string; class?: string; close: () => void; children: JSX.Element }): JSX.Element {
  let element!: HTMLDialogElement;
  onMount(() => element.showModal());
  return (
    <dialog ref={element} class={props.class} aria-label={props.title} onClose={() => props.close()} onClick={(event) => event.target === element && element.close()}>
      <div class="inside">
        {props.title && (
          <div class="line apart">
            <h2>{props.title}</h2>
            <button class="plain icon" aria-label={t("close")} onClick={() => element.close()}>
              <Icon name="close" />
            </button>
          </div>
        )}
        {props.children}
      </div>
    </dialog>
  );
}
