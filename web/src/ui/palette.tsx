// Ctrl-K: every place, every guest, every action, by a few letters.
import { useNavigate } from "@solidjs/router";
import { createMemo, createSignal, For, onMount, Show, type JSX } from "solid-js";
import { may } from "../api/http";
import { live } from "../api/live";
import { t } from "../i18n";
import { places } from "../views/app";
import { actions, actionTitle, act, can } from "./actions";
import { Dialog } from "./dialog";

interface Item {
  title: string;
  kind: string;
  go: () => void;
}

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
  let input!: HTMLInputElement;
  let list!: HTMLUListElement;
  onMount(() => input.focus());
  const all = createMemo((): Item[] => {
    const items: Item[] = places.filter((place) => place.allowed()).map((place) => ({ title: t(place.title), kind: t("go_to"), go: () => navigate(place.path) }));
    if (may("vm.create", "/vms")) items.push({ title: t("create_guest"), kind: t("action"), go: () => navigate("/guests/new") });
    for (const guest of live.vm.all()) {
      items.push({ title: guest.name, kind: t("guest"), go: () => navigate(`/guests/${guest.id}`) });
      items.push({ title: `${t("console")}: ${guest.name}`, kind: t("action"), go: () => navigate(`/guests/${guest.id}/console`) });
      for (const action of actions)
        if (can(action, guest)) items.push({ title: `${actionTitle(action)}: ${guest.name}`, kind: t("action"), go: () => void act(action, [guest]) });
    }
    for (const image of live.image.all()) items.push({ title: image.name, kind: t("image"), go: () => navigate("/images") });
    for (const storage of live.storage.all()) items.push({ title: storage.name, kind: t("storage"), go: () => navigate("/storages") });
    return items;
  });
  const found = createMemo(() => {
    const wanted = text().trim().toLowerCase();
    if (!wanted) return all().slice(0, 30);
    return all()
      .map((item) => ({ item, score: score(item.title.toLowerCase(), wanted) }))
      .filter((one) => one.score > 0)
      .sort((a, b) => b.score - a.score)
      .slice(0, 30)
      .map((one) => one.item);
  });
  const choose = (item: Item | undefined) => {
    if (!item) return;
    props.close();
    item.go();
  };
  const key = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (step) {
      setAt(Math.max(0, Math.min(found().length - 1, at() + step)));
      list.children[at()]?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter") choose(found()[at()]);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog class="palette" close={props.close}>
      <input
        ref={input}
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={`palette-${at()}`}
        aria-label={t("search")}
        placeholder={t("palette_hint")}
        value={text()}
        onInput={(event) => (setText(event.currentTarget.value), setAt(0))}
        onKeyDown={key}
      />
      <ul id="palette-list" role="listbox" ref={list} aria-label={t("search")}>
        <For each={found()}>
          {(item, index) => (
            <li id={`palette-${index()}`} role="option" aria-selected={index() === at()} onPointerMove={() => setAt(index())} onClick={() => choose(item)}>
              <bdi>{item.title}</bdi>
              <span class="quiet small">{item.kind}</span>
            </li>
          )}
        </For>
      </ul>
      <Show when={!found().length}><p class="quiet padded">{t("nothing_found")}</p></Show>
    </Dialog>
  );
}
