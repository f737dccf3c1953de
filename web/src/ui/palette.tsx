// Ctrl-K: every place, every object, every action, by a few letters. A command that needs an object asks for it next.
import { useNavigate } from "@solidjs/router";
import { createMemo, createSignal, For, on, onMount, Show, untrack, type JSX } from "solid-js";
import { may } from "../api/http";
import { live, ready } from "../api/live";
import { t } from "../i18n";
import { act, actions, actionTitle, can } from "./actions";
import { pageCommands, type PageCommand, type Target } from "./commands";
import { Dialog } from "./dialog";
import { taskTitle } from "./object";
import { places } from "./places";

interface Item {
  title: string;
  kind: string;
  also?: string; // found by this as well
  next?: PageCommand; // asks for its object
  go?: () => void;
}

const SHOWN = 40;

// The letters in their order, anywhere; those that stand together and at the start count more.
function score(text: string, wanted: string): number {
  const at = text.indexOf(wanted);
  if (at >= 0) return 1000 - at;
  let from = 0;
  for (const letter of wanted) {
    from = text.indexOf(letter, from) + 1;
    if (!from) return 0;
  }
  return 1;
}

export function Palette(props: { close: () => void }): JSX.Element {
  const navigate = useNavigate();
  const [text, setText] = createSignal("");
  const [at, setAt] = createSignal(0);
  const [command, setCommand] = createSignal<PageCommand>();
  let input!: HTMLInputElement;
  let list!: HTMLUListElement;
  onMount(() => input.focus());
  const goTo = (path: string) => () => navigate(path);
  // As it was when the palette was opened: what Enter does is what stood there when the hand went down.
  const everything = createMemo(on(ready, (): Item[] => {
    const items: Item[] = places.filter((place) => place.allowed()).map((place) => ({ title: t(place.title), kind: t("go_to"), go: goTo(place.path) }));
    if (may("vm.create", "/vms")) items.push({ title: t("create_guest"), kind: t("action"), go: goTo("/guests/new") });
    for (const guest of live.vm.all()) {
      items.push({ title: guest.name, also: `${guest.id} ${guest.tags.join(" ")}`, kind: t("guest"), go: goTo(`/guests/${guest.id}`) });
      items.push({ title: `${t("console")}: ${guest.name}`, kind: t("action"), go: goTo(`/guests/${guest.id}/console`) });
      for (const action of actions)
        if (can(action, guest)) items.push({ title: `${actionTitle(action)}: ${guest.name}`, kind: t("action"), go: () => void act(action, [guest]) });
    }
    for (const image of live.image.all()) items.push({ title: image.name, kind: t("image"), go: goTo(`/images/${encodeURIComponent(image.name)}`) });
    for (const storage of live.storage.all()) items.push({ title: storage.name, kind: t("storage"), go: goTo(`/storages/${encodeURIComponent(storage.name)}`) });
    for (const task of live.task.all()) items.push({ title: taskTitle(task), also: String(task.id), kind: t("task"), go: goTo(`/tasks/${task.id}`) });
    for (const one of pageCommands()) items.push({ title: one.title, also: one.command, kind: one.command, next: one.of && one, go: one.to ? goTo(one.to) : undefined });
    return items;
  }));
  const targets = (of: () => Target[]): Item[] => of().map((target) => ({ title: target.name, kind: "", go: target.act ?? goTo(target.path!) }));
  const found = createMemo(() => {
    const wanted = text().trim().toLowerCase();
    const items = command() ? untrack(() => targets(command()!.of!)) : everything();
    if (!wanted) return items.slice(0, SHOWN);
    return items
      .map((item) => ({ item, score: Math.max(score(item.title.toLowerCase(), wanted), item.also ? score(item.also.toLowerCase(), wanted) - 1 : 0) }))
      .filter((one) => one.score > 0)
      .sort((a, b) => b.score - a.score)
      .slice(0, SHOWN)
      .map((one) => one.item);
  });
  const ask = (next: PageCommand | undefined) => {
    setCommand(() => next);
    setText("");
    setAt(0);
    input.focus();
  };
  const choose = (item: Item | undefined) => {
    if (!item) return;
    if (item.next) return ask(item.next);
    props.close();
    item.go?.();
  };
  const key = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step) {
      setAt(Math.max(0, Math.min(found().length - 1, at() + step)));
      list.children[at()]?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter") choose(found()[at()]);
    else if (event.key === "Backspace" && !text() && command()) ask(undefined);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog class="palette" close={props.close}>
      <Show when={command()}>{(one) => <div class="line"><button class="plain" onClick={() => ask(undefined)}>←</button><strong>{one().title}</strong><code class="quiet">{one().command}</code></div>}</Show>
      <input
        ref={input}
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={`palette-${at()}`}
        aria-label={t("search")}
        placeholder={command() ? t("palette_which") : t("palette_hint")}
        value={text()}
        onInput={(event) => (setText(event.currentTarget.value), setAt(0))}
        onKeyDown={key}
      />
      <ul id="palette-list" role="listbox" ref={list} aria-label={t("search")}>
        <For each={found()}>
          {(item, index) => (
            <li id={`palette-${index()}`} role="option" aria-selected={index() === at()} onPointerMove={() => setAt(index())} onClick={() => choose(item)}>
              <bdi>{item.title}</bdi>
              <span class="quiet small">{item.kind}{item.next ? " …" : ""}</span>
            </li>
          )}
        </For>
      </ul>
      <Show when={!found().length}><p class="quiet padded">{t("nothing_found")}</p></Show>
    </Dialog>
  );
}
