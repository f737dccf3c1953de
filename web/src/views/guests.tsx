// All guests in one table: only the rows that can be seen exist, so that ten thousand scroll like ten.
import { A, useNavigate, useSearchParams } from "@solidjs/router";
import { elementScroll, observeElementOffset, observeElementRect, Virtualizer } from "@tanstack/virtual-core";
import { createEffect, createMemo, createSignal, For, onCleanup, onMount, Show, type JSX } from "solid-js";
import { parseFilter } from "../api/filter";
import { may } from "../api/http";
import { live, ready } from "../api/live";
import type { VmRow } from "../api/types";
import { t, type Key } from "../i18n";
import { reasonText } from "../i18n/api-words";
import { ago, count, size } from "../i18n/units";
import { act, actions, actionTitle, can, type Outcome } from "../ui/actions";
import { now } from "../ui/clock";
import { partName } from "../ui/parts";
import { askText } from "../ui/ask";
import { Dialog } from "../ui/dialog";
import { errorText } from "../ui/errors";
import { Icon } from "../ui/icons";
import { Menu } from "../ui/menu";
import { VmStateText } from "../ui/state";

// Links of rows are plain ones, which the router takes as well: there are many of them.
const ROW = 40; // pixels; also in page.css
const fields = ["id", "name", "state", "reason", "reason_code", "since", "node", "tags", "memory", "cpus", "pending", "broken", "conflict", "rev"] as const;

interface Column {
  name: keyof VmRow;
  title: Key;
  width: string;
  number?: boolean;
  show: (row: VmRow) => JSX.Element;
}

const columns: Column[] = [
  { name: "id", title: "col_id", width: "48px", number: true, show: (row) => row.id },
  { name: "name", title: "col_name", width: "minmax(120px, 2fr)", show: (row) => <><a href={`/guests/${row.id}`}><bdi>{row.name}</bdi></a><Show when={row.broken?.length || row.conflict}> <span class="tag bad" title={row.broken?.length ? t("attention_broken", { name: row.name, parts: row.broken.map(partName).join(", ") }) : t("attention_conflict", { name: row.name })}>{t(row.broken?.length ? "broken_mark" : "conflict_mark")}</span></Show><Show when={row.pending}> <span class="tag warn" title={t("attention_pending", { name: row.name })}>{t("pending_mark")}</span></Show></> },
  { name: "state", title: "col_state", width: "112px", show: (row) => <VmStateText state={row.state} /> },
  { name: "reason", title: "col_reason", width: "minmax(80px, 1.5fr)", show: (row) => <span class="quiet" title={reasonText(row)}>{reasonText(row)}</span> },
  { name: "cpus", title: "col_cpus", width: "52px", number: true, show: (row) => row.cpus },
  { name: "memory", title: "col_memory", width: "88px", number: true, show: (row) => size(row.memory) },
  { name: "tags", title: "col_tags", width: "minmax(100px, 1.5fr)", show: (row) => <span title={row.tags.join(", ")}><For each={row.tags}>{(tag) => <><a class="tag" href={`/guests?filter=tag:${encodeURIComponent(tag)}`}>{tag}</a> </>}</For></span> },
  { name: "since", title: "col_since", width: "84px", show: (row) => <span class="quiet">{ago(row.since, now())}</span> },
];

const kept = <T,>(name: string, fallback: T): T => {
  try {
    return (JSON.parse(localStorage.getItem(name) ?? "null") as T | null) ?? fallback;
  } catch {
    return fallback;
  }
};
const keep = (name: string, value: unknown) => localStorage.setItem(name, JSON.stringify(value));

interface SavedView {
  name: string;
  filter: string;
}

export function Guests(): JSX.Element {
  const [params, setParams] = useSearchParams<{ filter?: string; sort?: string }>();
  const navigate = useNavigate();
  const [selected, setSelected] = createSignal<ReadonlySet<number>>(new Set());
  const [outcomes, setOutcomes] = createSignal<Outcome[]>();
  const [views, setViews] = createSignal(kept<SavedView[]>("views", []));
  const [hidden, setHidden] = createSignal(kept<string[]>("hidden-columns", []));
  const text = () => params.filter ?? "";
  const sort = () => params.sort ?? "id";
  const filter = createMemo(() => parseFilter(text(), fields));
  const rows = createMemo(() => {
    const { test } = filter();
    const found = live.vm.all().filter((row) => test(row as unknown as Record<string, unknown>));
    const name = sort().replace(/^-/, "") as keyof VmRow;
    const sign = sort().startsWith("-") ? -1 : 1;
    const order = new Intl.Collator(undefined, { numeric: true }).compare;
    return found.sort((a, b) => {
      const [x, y] = [a[name], b[name]];
      return sign * (typeof x === "number" && typeof y === "number" ? x - y : order(String(x), String(y))) || a.id - b.id;
    });
  });
  // A phone shows the least.
  const small = matchMedia("(max-width: 760px)");
  const [narrow, setNarrow] = createSignal(small.matches);
  const measure = () => setNarrow(small.matches);
  small.addEventListener("change", measure);
  onCleanup(() => small.removeEventListener("change", measure));
  const shownColumns = createMemo(() => columns.filter((column) => (narrow() ? column.name === "name" || column.name === "state" : !hidden().includes(column.name))));
  const grid = () => `28px ${shownColumns().map((column) => (narrow() && column.name === "name" ? "minmax(0, 1fr)" : column.width)).join(" ")} ${narrow() ? 68 : 104}px`;
  const toggleColumn = (name: string) => {
    setHidden((all) => (all.includes(name) ? all.filter((one) => one !== name) : [...all, name]));
    keep("hidden-columns", hidden());
  };

  let scroller!: HTMLDivElement;
  const [shown, setShown] = createSignal<number[]>([]); // places in rows(); a row that stays is not made anew
  const [height, setHeight] = createSignal(0);
  onMount(() => {
    const draw = (of: Virtualizer<HTMLDivElement, HTMLElement>) => {
      setShown(of.getVirtualItems().map(({ index }) => index));
      setHeight(of.getTotalSize());
    };
    const options = () => ({
      count: rows().length,
      getScrollElement: () => scroller,
      estimateSize: () => ROW,
      overscan: 12,
      observeElementRect,
      observeElementOffset,
      scrollToFn: elementScroll,
      onChange: draw,
    });
    const virtual = new Virtualizer<HTMLDivElement, HTMLElement>(options());
    const unmount = virtual._didMount();
    createEffect(() => {
      virtual.setOptions(options());
      virtual._willUpdate();
      draw(virtual);
    });
    onCleanup(() => unmount?.());
  });

  const chosen = createMemo(() => rows().filter((row) => selected().has(row.id)));
  // With Shift, all from the one that was touched last.
  let last = 0;
  const toggle = (index: number, on: boolean, range: boolean) => {
    const next = new Set(selected());
    const from = range ? Math.min(last, index) : index;
    for (const row of rows().slice(from, range ? Math.max(last, index) + 1 : index + 1)) {
      if (on) next.add(row.id);
      else next.delete(row.id);
    }
    last = index;
    setSelected(next);
  };
  const setAllViews = (next: SavedView[]) => (setViews(next), keep("views", next));
  const save = async () => {
    const filter = text();
    const name = await askText({ title: t("view_save"), label: t("view_name"), value: filter, verb: t("save") });
    if (name) setAllViews([...views().filter((view) => view.name !== name), { name, filter }]);
  };
  const drop = (name: string) => setAllViews(views().filter((view) => view.name !== name));
  const run = async (action: (typeof actions)[number], guests: VmRow[]) => {
    const result = await act(action, guests);
    if (result.length > 1) setOutcomes(result);
  };
  return (
    <>
      <div class="heading">
        <h1>{t("guests")}</h1>
        <span class="quiet">{text() ? t("count_of", { count: count(rows().length), all: count((live.vm.all(), live.vm.map.size)) }) : count(rows().length)}</span>
      </div>
      <div class="line">
        <label class="grows">
          <span class="hidden-text">{t("filter")}</span>
          <input type="search" value={text()} placeholder={t("filter_hint")} aria-invalid={!!filter().unknown} onInput={(event) => setParams({ filter: event.currentTarget.value || undefined }, { replace: true })} />
        </label>
        <Show when={filter().unknown}>{(name) => <span class="small wrong">{t("filter_unknown", { name: name(), fields: "name state tags memory cpus since" })}</span>}</Show>
        <For each={views()}>
          {(view) => (
            <span class="tag">
              <A href={`/guests?filter=${encodeURIComponent(view.filter)}`}>{view.name}</A>{" "}
              <button class="plain tiny" aria-label={t("view_drop", { name: view.name })} onClick={() => drop(view.name)}>×</button>
            </span>
          )}
        </For>
        <Show when={text()}><button onClick={() => void save()}>{t("view_save")}</button></Show>
        <Show when={!narrow()}>
          <Menu name={t("columns")} label={<Icon name="columns" />} class="icon">
            <div class="label">{t("columns")}</div>
            <For each={columns.filter((column) => column.name !== "name")}>
              {(column) => <button role="menuitemcheckbox" aria-checked={!hidden().includes(column.name)} onClick={() => toggleColumn(column.name)}><span class="mark">{hidden().includes(column.name) ? "" : "✓"}</span>{t(column.title)}</button>}
            </For>
          </Menu>
        </Show>
      </div>
      <Show when={chosen().length}>
        <div class="bulk">
          <strong>{t("selected", { count: count(chosen().length) })}</strong>
          <For each={actions.filter((action) => chosen().some((row) => can(action, row)))}>
            {(action) => (
              <button class={action.danger ? "danger" : ""} onClick={() => void run(action, chosen().filter((row) => can(action, row)))}>
                {actionTitle(action)} ({chosen().filter((row) => can(action, row)).length})
              </button>
            )}
          </For>
          <button class="plain" onClick={() => setSelected(new Set<number>())}>{t("select_none")}</button>
        </div>
      </Show>
      <div class="grid" ref={scroller} role="table" aria-label={t("guests")} aria-rowcount={rows().length + 1} tabindex="0">
        <div class="grid-head" role="row" style={{ "grid-template-columns": grid() }}>
          <span role="columnheader">
            <input type="checkbox" aria-label={t("select_all")} checked={chosen().length > 0 && chosen().length === rows().length} onChange={(event) => setSelected(new Set(event.currentTarget.checked ? rows().map((row) => row.id) : []))} />
          </span>
          <For each={shownColumns()}>
            {(column) => (
              <span role="columnheader" class={column.number ? "number" : ""} aria-sort={sort() === column.name ? "ascending" : sort() === `-${column.name}` ? "descending" : "none"}>
                <button onClick={() => setParams({ sort: sort() === column.name ? `-${column.name}` : column.name === "id" ? undefined : column.name }, { replace: true })}>
                  {t(column.title)} {sort() === column.name ? "↑" : sort() === `-${column.name}` ? "↓" : ""}
                </button>
              </span>
            )}
          </For>
          <span role="columnheader"><span class="hidden-text">{t("actions")}</span></span>
        </div>
        <div class="grid-body" role="rowgroup" style={{ height: `${height()}px` }}>
          <For each={shown()}>
            {(index) => (
              <Show when={rows()[index]} keyed>
                {(row) => (
                  <div class={`grid-row ${selected().has(row.id) ? "selected" : ""}`} role="row" aria-rowindex={index + 2} style={{ transform: `translateY(${index * ROW}px)`, "grid-template-columns": grid() }} onDblClick={() => navigate(`/guests/${row.id}`)}>
                    <span role="cell"><input type="checkbox" aria-label={row.name} checked={selected().has(row.id)} onClick={(event) => toggle(index, event.currentTarget.checked, event.shiftKey)} /></span>
                    <For each={shownColumns()}>{(column) => <span role="cell" class={column.number ? "number" : ""}>{column.show(row)}</span>}</For>
                    <span role="cell" class="row-actions">
                      <For each={actions.filter((action) => can(action, row) && action.icon && !action.danger).slice(0, narrow() ? 1 : 2)}>
                        {(action) => <button class="plain icon" title={actionTitle(action)} aria-label={`${actionTitle(action)}: ${row.name}`} onClick={() => void run(action, [row])}><Icon name={action.icon!} /></button>}
                      </For>
                      <button class="plain icon" title={t("console")} aria-label={`${t("console")}: ${row.name}`} disabled={row.state === "stopped"} onClick={() => navigate(`/guests/${row.id}/console`)}><Icon name="console" /></button>
                    </span>
                  </div>
                )}
              </Show>
            )}
          </For>
        </div>
        <Show when={ready() && !rows().length}>
          <div class="empty">
            <p>{text() ? t("nothing_found") : t("no_guests")}</p>
            <Show when={!text() && may("vm.create", "/vms")}><A class="button main-action" href="/guests/new">{t("create_guest")}</A></Show>
            <Show when={text()}><button onClick={() => setParams({ filter: undefined })}>{t("filter_clear")}</button></Show>
          </div>
        </Show>
      </div>
      <Show when={outcomes()}>
        {(list) => (
          <Dialog title={t("outcome")} close={() => setOutcomes(undefined)}>
            <table class="table">
              <tbody>
                <For each={list()}>
                  {(one) => <tr><td><bdi>{one.guest}</bdi></td><td><span class={`state long ${one.error ? "bad" : "good"}`}>{one.error ? errorText(one.error) : t("task_done")}</span></td></tr>}
                </For>
              </tbody>
            </table>
          </Dialog>
        )}
      </Show>
    </>
  );
}
