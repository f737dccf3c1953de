// Who is there? A page of its own at first, and a dialog over what one was at when the session has ended.
import { createSignal, onMount, type JSX } from "solid-js";
import { self, signIn, signOut } from "../api/http";
import { language, languageNames, setLanguage, t, type Language } from "../i18n";
import { Dialog } from "../ui/dialog";
import { ErrorBox } from "../ui/errors";

function Credentials(props: { user?: string; children?: JSX.Element; failed: (error: unknown) => void }): JSX.Element {
  const [busy, setBusy] = createSignal(false);
  let user!: HTMLInputElement;
  let password!: HTMLInputElement;
  onMount(() => (props.user ? password : user).focus());
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    props.failed(undefined);
    try {
      await signIn(user.value, password.value);
    } catch (error) {
      props.failed(error);
      password.select();
    } finally {
      setBusy(false);
    }
  };
  return (
    <form class="stack" onSubmit={(event) => void submit(event)}>
      <label class="field"><span>{t("user")}</span><input ref={user} name="user" autocomplete="username" autocapitalize="none" spellcheck={false} required value={props.user ?? ""} /></label>
      <label class="field"><span>{t("password")}</span><input ref={password} name="password" type="password" autocomplete="current-password" required /></label>
      {props.children}
      <button class="main-action" disabled={busy()}>{busy() ? t("signing_in") : t("sign_in")}</button>
    </form>
  );
}

export function SignInAgain(): JSX.Element {
  const [failed, setFailed] = createSignal<unknown>();
  return (
    <Dialog title={t("session_ended")} class="narrow" firm close={() => void signOut()}>
      <p class="quiet">{t("session_ended_text")}</p>
      <Credentials user={self()?.user ?? undefined} failed={setFailed}><ErrorBox error={failed()} /></Credentials>
    </Dialog>
  );
}

export function SignIn(): JSX.Element {
  const [failed, setFailed] = createSignal<unknown>();
  return (
    <main class="signin">
      <div class="card">
        <div class="line"><img src="/icon.svg" alt="" width="40" height="40" /><h1>Yado</h1><span class="quiet to-end">{location.host}</span></div>
        <Credentials failed={setFailed}><ErrorBox error={failed()} /></Credentials>
        <details class="small" open={!!failed()}>
          <summary>{t("no_user_yet")}</summary>
          <p>{t("first_user_hint")}</p>
          <pre class="log" tabindex="0">sudo yado user create admin --grant path=/,role=admin</pre>
        </details>
        <label class="field"><span class="hidden-text">{t("language")}</span>
          <select value={language()} onChange={(event) => void setLanguage(event.currentTarget.value as Language)}>
            {(Object.keys(languageNames) as Language[]).map((value) => <option value={value}>{languageNames[value]}</option>)}
          </select>
        </label>
      </div>
    </main>
  );
}
