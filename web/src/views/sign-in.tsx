import { createSignal, onMount, Show, type JSX } from "solid-js";
import { signIn } from "../api/http";
import { language, languageNames, setLanguage, t, type Language } from "../i18n";
import { ErrorBox } from "../ui/errors";

export function SignIn(): JSX.Element {
  const [failed, setFailed] = createSignal<unknown>();
  const [busy, setBusy] = createSignal(false);
  let user!: HTMLInputElement;
  let password!: HTMLInputElement;
  onMount(() => user.focus());
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setFailed(undefined);
    try {
      await signIn(user.value, password.value);
    } catch (error) {
      setFailed(error);
      password.select();
    } finally {
      setBusy(false);
    }
  };
  return (
    <main class="signin">
      <form onSubmit={(event) => void submit(event)}>
        <div class="line"><img src="/icon.svg" alt="" width="32" height="32" /><h1>Yado</h1><span class="quiet">{location.host}</span></div>
        <label class="field"><span>{t("user")}</span><input ref={user} name="user" autocomplete="username" required /></label>
        <label class="field"><span>{t("password")}</span><input ref={password} name="password" type="password" autocomplete="current-password" required /></label>
        <ErrorBox error={failed()} />
        <button class="main-action" disabled={busy()}>{busy() ? t("signing_in") : t("sign_in")}</button>
        <Show when={!failed()} fallback={<p class="small quiet">{t("first_user_hint")} <code>sudo yado user create admin --grant path=/,role=admin</code></p>}>
          <details class="small"><summary>{t("no_user_yet")}</summary><p>{t("first_user_hint")} <code>sudo yado user create admin --grant path=/,role=admin</code></p></details>
        </Show>
        <label class="field"><span class="hidden-text">{t("language")}</span>
          <select value={language()} onChange={(event) => void setLanguage(event.currentTarget.value as Language)}>
            {(Object.keys(languageNames) as Language[]).map((value) => <option value={value}>{languageNames[value]}</option>)}
          </select>
        </label>
      </form>
    </main>
  );
}
