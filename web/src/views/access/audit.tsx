// Who asked for what, and how it went; and whether the log is as it was written.
import { createSignal, For, Show, type JSX } from "solid-js";
import { get } from "../../api/http";
import { reading } from "../../api/read";
import type { AuditEntry, AuditVerify, List } from "../../api/types";
import { t, type Key } from "../../i18n";
import { count, when } from "../../i18n/units";
import { ErrorBox } from "../../ui/errors";
import { objectName } from "../../ui/object";
import { Pager } from "../../ui/pager";

const look: Record<string, string> = { done: "good", refused: "warn", failed: "bad" };

export function Audit(): JSX.Element {
  const [after, setAfter] = createSignal<string>();
  const [filter, setFilter] = createSignal("");
  const page = reading(
    () => `/audit?limit=100${after() ? `&after=${after()}` : ""}${filter() ? `&filter=${encodeURIComponent(filter())}` : ""}`,
    (path) => get<List<AuditEntry>>(path),
  );
  const [asked, setAsked] = createSignal(false);
  const verified = reading(() => (asked() ? "/audit/verify" : undefined), (path) => get<AuditVerify>(path));
  return (
    <>
      <div class="line">
        <label class="grows"><span class="hidden-text">{t("filter")}</span><input type="search" placeholder="user:ann outcome:refused action~vms" onChange={(event) => (setAfter(undefined), setFilter(event.currentTarget.value))} /></label>
        <button disabled={verified.loading} onClick={() => (asked() ? verified.again() : setAsked(true))}>{t("verify")}</button>
      </div>
      <ErrorBox error={verified.error} />
      <Show when={verified.value}>
        {(found) => <div class={`box ${found().intact ? "good" : "bad"}`} role="status">{found().intact ? t("audit_intact", { count: count(found().entries) }) : (found().problem ?? t("audit_broken"))}<div class="small mono">{found().hash}</div></div>}
      </Show>
      <ErrorBox error={page.error} />
      <section class="card scroll-x">
        <table class="table">
          <thead><tr><th>{t("at")}</th><th>{t("user")}</th><th>{t("address")}</th><th>{t("action")}</th><th>{t("object")}</th><th>{t("outcome")}</th></tr></thead>
          <tbody>
            <For each={page.value?.items} fallback={<tr><td colspan="6" class="quiet">{page.loading ? t("loading") : t("nothing_found")}</td></tr>}>
              {(entry) => (
                <tr>
                  <td class="quiet nowrap">{when(entry.at)}</td>
                  <td>{entry.user}</td>
                  <td class="mono">{entry.address || entry.via}</td>
                  <td><code>{entry.action}</code></td>
                  <td title={entry.object}><bdi>{entry.object ? objectName(entry.object) : "–"}</bdi></td>
                  <td><span class={`state ${look[entry.outcome] ?? "off"}`}>{t(`outcome_${entry.outcome}` as Key)}</span></td>
                </tr>
              )}
            </For>
          </tbody>
        </table>
      </section>
      <Pager at={after()} next={page.value?.next} go={setAfter} />
    </>
  );
}
