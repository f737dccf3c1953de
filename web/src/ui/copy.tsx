// A button that copies a text, and says that it did.
import { createSignal, type JSX } from "solid-js";
import { t } from "../i18n";
import { tellFailed } from "./toasts";

export function Copy(props: { text: string; class?: string; children: JSX.Element }): JSX.Element {
  const [copied, setCopied] = createSignal(false);
  const copy = () =>
    void navigator.clipboard.writeText(props.text).then(
      () => {
        setCopied(true);
        setTimeout(() => setCopied(false), 2000);
      },
      (error: unknown) => tellFailed(t("copy"), error),
    );
  return <button type="button" class={props.class} aria-live="polite" onClick={copy}>{copied() ? t("copied") : props.children}</button>;
}
