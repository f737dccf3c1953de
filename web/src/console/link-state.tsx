// How the way to a console is, and what can be done about it.
import { Show, type JSX } from "solid-js";
import { ApiError } from "../api/http";
import { t, type Key } from "../i18n";
import { ErrorBox } from "../ui/errors";
import type { createLink } from "./link";

export function LinkStateView(props: { link: ReturnType<typeof createLink>; canTakeOver?: boolean }): JSX.Element {
  const state = () => props.link.state();
  const inUse = () => props.canTakeOver && props.link.failed() instanceof ApiError && (props.link.failed() as ApiError).status === 409;
  return (
    <>
      <Show when={state() !== "open"}>
        <div class="line">
          <span class={`state ${state() === "refused" ? "bad" : "busy"}`}>{t(`console_${state()}` as Key)}</span>
          <Show when={state() === "refused"}>
            <button onClick={() => void props.link.open()}>{t("try_again")}</button>
            <Show when={inUse()}><button onClick={() => void props.link.open(true)}>{t("console_take_over")}</button></Show>
          </Show>
        </div>
      </Show>
      <ErrorBox error={props.link.failed()} />
    </>
  );
}
