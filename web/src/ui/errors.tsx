// What went wrong, why, and what to do next.
import { Show, type JSX } from "solid-js";
import { ApiError } from "../api/http";
import { t } from "../i18n";
import { errorKind } from "../i18n/api-words";

export function errorText(error: unknown): string {
  if (error instanceof ApiError) return error.code === "unreachable" ? t("unreachable") : error.message;
  return error instanceof Error ? error.message : String(error);
}

// `of`: the field that it is about, as people call it.
export function Refusal(props: { code?: string; of?: string | null; message: string; hint?: string | null }): JSX.Element {
  const kind = () => errorKind(props.code ?? "");
  return (
    <div class="box bad" role="alert">
      <Show when={kind()}><strong>{[kind(), props.of].filter(Boolean).join(": ")}</strong></Show>
      <div>{props.message}</div>
      <Show when={props.hint}><div class="small">{props.hint}</div></Show>
    </div>
  );
}

export function ErrorBox(props: { error: unknown }): JSX.Element {
  return (
    <Show when={props.error}>
      <Refusal code={props.error instanceof ApiError ? props.error.code : undefined} message={errorText(props.error)} hint={props.error instanceof ApiError ? props.error.hint : undefined} />
    </Show>
  );
}
