// The whole configuration's past: who changed what, and back to any point of it.
import { createSignal, For, type JSX } from "solid-js";
import { get } from "../api/http";
import { live } from "../api/live";
import { reading } from "../api/read";
import type { Commit, List } from "../api/types";
import { t, type Key } from "../i18n";
import { ErrorBox } from "../ui/errors";
import { HistoryList } from "../ui/history-list";
import { Pager } from "../ui/pager";

const kinds = { all: "", guests: "&prefix=vm/", storages: "&prefix=storage/", facts: "&facts=1" } as const;

export function History(): JSX.Element {
  const [before, setBefore] = createSignal<string>();
  const [kind, setKind] = createSignal<keyof typeof kinds>("all");
  const page = reading(
    () => `/history?limit=50${kinds[kind()]}${before() ? `&before=${before()}` : ""}`,
    (path) => get<List<Commit>>(path),
    { changes: () => (live.vm.count(), live.storage.count()) },
  );
  return (
    <>
      <div class="heading">
        <h1>{t("history")}</h1>
        <div class="segments" role="radiogroup" aria-label={t("object")}>
          <For each={Object.keys(kinds) as (keyof typeof kinds)[]}>{(one) => <button role="radio" aria-checked={kind() === one} onClick={() => (setBefore(undefined), setKind(one))}>{t(`history_of_${one}` as Key)}</button>}</For>
        </div>
      </div>
      <ErrorBox error={page.error} />
      <HistoryList commits={page.error ? [] : page.value?.items} restored={() => page.again()} />
      <Pager at={before()} next={page.value?.next} go={setBefore} />
    </>
  );
}
