import { For, Show, type JSX } from "solid-js";
import { ask, getAll } from "../../api/http";
import { reading } from "../../api/read";
import type { Session } from "../../api/types";
import { t } from "../../i18n";
import { ago, when } from "../../i18n/units";
import { now } from "../../ui/clock";
import { ErrorBox } from "../../ui/errors";
import { tellFailed } from "../../ui/toasts";

export function Sessions(): JSX.Element {
  const sessions = reading(() => "/sessions", getAll<Session>);
  const end = (session: Session) => void ask("DELETE", `/sessions/${session.id}`).then(sessions.again, (error: unknown) => tellFailed(t("end_session"), error));
  return (
    <section class="card scroll-x">
      <ErrorBox error={sessions.error} />
      <table class="table">
        <thead><tr><th>{t("user")}</th><th>{t("address")}</th><th>{t("browser")}</th><th>{t("last_used")}</th><th>{t("expires")}</th><th /></tr></thead>
        <tbody>
          <For each={sessions.value}>
            {(session) => (
              <tr>
                <td>{session.user}</td>
                <td class="mono">{session.address}</td>
                <td class="quiet"><bdi>{session.agent}</bdi></td>
                <td class="quiet nowrap" title={when(session.last_used)}>{ago(session.last_used, now())}</td>
                <td class="quiet nowrap">{when(session.expires)}</td>
                <td class="number"><Show when={!session.current} fallback={<span class="tag">{t("this_session")}</span>}><button class="danger" onClick={() => end(session)}>{t("end_session")}</button></Show></td>
              </tr>
            )}
          </For>
        </tbody>
      </table>
    </section>
  );
}
