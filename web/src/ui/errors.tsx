// What went wrong, why, and what to do next.
import { Show, type JSX } from "solid-js";
import { ApiError } from "../api/http";
import { t } from "../i18n";
import { errorKind } from "../i18n/api-words";

export function errorText(error: unknown): string {
  if (error instanceof ApiError) return error.code === "unreachable" ? t("unreachable") : error.message;
  return error instanceof Error ? error.message : String(error);
}

export function ErrorBox(props: { error: unknown }): JSX.Element {
  return (
    <Show when={props.error}>
      <div class="box bad" role="alert">
        <Show when={props.error instanceof ApiError && errorKind(props.error.code)}>{(kind) => <strong>{kind()}</strong>}</Show>
        <div>{errorText(props.error)}</div>
        <Show when={props.error instanceof ApiError && props.error.hint}>
          {(hint) => <div class="small">{hint()}</div>}
        </Show>
      </div>
    </Show>
  );
}
