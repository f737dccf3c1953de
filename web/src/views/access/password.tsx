import { createSignal, Show, type JSX } from "solid-js";
import { ask, self } from "../../api/http";
import { t } from "../../i18n";
import { Dialog } from "../../ui/dialog";
import { ErrorBox } from "../../ui/errors";
import { tellDone } from "../../ui/toasts";

// What a new password must have, in words.
export function passwordRules(): string {
  const rules = self()?.password_rules;
  if (!rules) return "";
  const more = (["lower", "upper", "digit", "special"] as const).filter((name) => rules[name]).map((name) => t(`password_${name}`));
  return [t("password_rules", { length: rules.length }), ...more].join(", ");
}

// One's own is only changed by who knows the present one.
export function PasswordDialog(props: { user: string; close: () => void }): JSX.Element {
  const own = () => props.user === self()?.user;
  const [failed, setFailed] = createSignal<unknown>();
  let current: HTMLInputElement | undefined;
  let password!: HTMLInputElement;
  let repeated!: HTMLInputElement;
  const set = async (event: Event) => {
    event.preventDefault();
    if (password.value !== repeated.value) return setFailed(new Error(t("password_differs")));
    try {
      await ask("POST", `/users/${encodeURIComponent(props.user)}/password`, { body: { password: password.value, ...(own() ? { current: current!.value } : {}) } });
      tellDone(t("password_set"));
      props.close();
    } catch (error) {
      setFailed(error);
    }
  };
  return (
    <Dialog title={t("password_of", { name: props.user })} class="narrow" close={props.close}>
      <form class="stack" onSubmit={(event) => void set(event)}>
        <Show when={own()}><label class="field"><span>{t("password_current")}</span><input ref={current} type="password" autocomplete="current-password" required /></label></Show>
        <label class="field"><span>{t("password_new")}</span><input ref={password} type="password" autocomplete="new-password" required /></label>
        <label class="field"><span>{t("password_repeat")}</span><input ref={repeated} type="password" autocomplete="new-password" required /></label>
        <p class="quiet small">{passwordRules()}</p>
        <ErrorBox error={failed()} />
        <div class="buttons"><button type="button" onClick={() => props.close()}>{t("cancel")}</button><button class="main-action">{t("apply")}</button></div>
      </form>
    </Dialog>
  );
}
