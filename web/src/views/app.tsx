// The frame around every view: where one is, what there is to go to, and who one is.
import { A, Route, Router, useLocation, useNavigate, type RouteSectionProps } from "@solidjs/router";
import { createEffect, createSignal, ErrorBoundary, Match, on, onCleanup, onMount, Show, Suspense, Switch, type JSX } from "solid-js";
import { expired, learnSelf, may, self, signOut } from "../api/http";
import { connect, connection, disconnect, ready } from "../api/live";
import { language, languageNames, setLanguage, t, type Language } from "../i18n";
import { Questions } from "../ui/ask";
import { ErrorBox } from "../ui/errors";
import { Icon } from "../ui/icons";
import { later } from "../ui/later";
import { Menu } from "../ui/menu";
import { Palette } from "../ui/palette"; // not later: who types at once loses no letter
import { places } from "../ui/places";
import { setTheme, theme, type Theme } from "../ui/theme";
import { tellFailed, Toasts } from "../ui/toasts";
import { SignIn, SignInAgain } from "./sign-in";
import { Overview } from "./overview";
import { Guests } from "./guests";
import { Guest } from "./guest";

const CreateGuest = later(() => import("./create").then((m) => ({ default: m.CreateGuest })));
const ConsoleWindow = later(() => import("./console-window").then((m) => ({ default: m.ConsoleWindow })));
const Images = later(() => import("./images").then((m) => ({ default: m.Images })));
const ImageView = later(() => import("./image").then((m) => ({ default: m.ImageView })));
const Storages = later(() => import("./storages").then((m) => ({ default: m.Storages })));
const StorageView = later(() => import("./storage").then((m) => ({ default: m.StorageView })));
const Tasks = later(() => import("./tasks").then((m) => ({ default: m.Tasks })));
const TaskView = later(() => import("./tasks").then((m) => ({ default: m.TaskView })));
const History = later(() => import("./history").then((m) => ({ default: m.History })));
const Access = later(() => import("./access/access").then((m) => ({ default: m.Access })));
const NodeView = later(() => import("./node").then((m) => ({ default: m.NodeView })));

function Choices<T extends string>(props: { names: Record<T, string>; now: T; choose: (value: T) => void }): JSX.Element {
  return (
    <>
      {(Object.keys(props.names) as T[]).map((value) => (
        <button role="menuitemradio" aria-checked={props.now === value} onClick={() => props.choose(value)}>
          <span class="mark">{props.now === value ? "✓" : ""}</span>
          {props.names[value]}
        </button>
      ))}
    </>
  );
}

function Frame(props: RouteSectionProps): JSX.Element {
  const [palette, setPalette] = createSignal(false);
  const location = useLocation();
  const navigate = useNavigate();
  let main!: HTMLElement;
  const keys = (event: KeyboardEvent) => {
    if (event.isComposing) return;
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      setPalette(true);
    }
  };
  onMount(() => document.addEventListener("keydown", keys));
  onCleanup(() => document.removeEventListener("keydown", keys));
  createEffect(() => {
    location.pathname;
    main?.scrollTo(0, 0);
  });
  const themes = (): Record<Theme, string> => ({ system: t("theme_system"), light: t("theme_light"), dark: t("theme_dark") });
  const isHere = (path: string) => (path === "/" ? location.pathname === "/" : location.pathname === path || location.pathname.startsWith(`${path}/`));
  return (
    <div class="frame">
      <a class="skip" href="#main">{t("skip")}</a>
      <A class="brand" href="/"><img src="/icon.svg" alt="" />Yado</A>
      <header class="top">
        <button class="search" onClick={() => setPalette(true)}>
          <span class="line"><Icon name="search" /><span class="words">{t("search")}</span></span>
          <kbd>Ctrl K</kbd>
        </button>
        <span class="grow" />
        <Show when={may("vm.create", "/vms")}>
          <A class="button main-action" href="/guests/new">{t("create_guest")}</A>
        </Show>
        <Menu name={`${t("account")}: ${self()!.user}`} label={<><Icon name="access" />{self()!.user}</>} class="plain">
          <div class="label">{t("language")}</div>
          <Choices<Language> names={languageNames} now={language()} choose={(value) => void setLanguage(value)} />
          <hr />
          <div class="label">{t("theme")}</div>
          <Choices<Theme> names={themes()} now={theme()} choose={setTheme} />
          <hr />
          <button onClick={() => navigate("/access/me")}>{t("my_account")}</button>
          <button onClick={() => void signOut().then(() => navigate("/"), (error: unknown) => tellFailed(t("sign_out"), error))}>{t("sign_out")}</button>
        </Menu>
      </header>
      <nav class="side" aria-label={t("sections")}>
        {places.map((place) => (
          <Show when={place.allowed()}>
            <A href={place.path} class={isHere(place.path) ? "active" : ""} activeClass="" inactiveClass="" aria-current={isHere(place.path) ? "page" : undefined}>
              <Icon name={place.icon} />
              {t(place.title)}
              <Show when={place.count && ready()}><span class="count">{place.count!()}</span></Show>
            </A>
          </Show>
        ))}
      </nav>
      <main class="main" id="main" tabindex="-1" ref={main}>
        <Show when={connection() === "lost"}><div class="lost" role="status">{t("connection_lost")}</div></Show>
        <ErrorBoundary
          fallback={(error, reset) => {
            createEffect(on(() => location.pathname, reset, { defer: true })); // the next view has nothing to do with it
            return <ErrorBox error={error} />;
          }}
        >
          <Suspense>{props.children}</Suspense>
        </ErrorBoundary>
      </main>
      <Toasts />
      <Questions />
      <Show when={palette()}><Palette close={() => setPalette(false)} /></Show>
    </div>
  );
}

function NotFound(): JSX.Element {
  return <div class="empty"><h1>{t("not_found")}</h1><A href="/">{t("overview")}</A></div>;
}

export function App(): JSX.Element {
  const [failed, setFailed] = createSignal<unknown>();
  const learn = () => {
    setFailed(undefined);
    learnSelf().catch(setFailed);
  };
  onMount(learn);
  createEffect(() => {
    if (!self()) disconnect();
    else if (!expired()) connect();
  });
  return (
    <Switch fallback={<Show when={failed()}><div class="signin"><div class="stack"><ErrorBox error={failed()} /><button onClick={learn}>{t("try_again")}</button></div></div></Show>}>
      <Match when={self() === null}><SignIn /></Match>
      <Match when={self()}>
        <Router>
          <Route path="/console/:vm/:kind" component={() => <Suspense><ConsoleWindow /></Suspense>} />
          <Route component={Frame}>
            <Route path="/" component={Overview} />
            <Route path="/guests" component={Guests} />
            <Route path="/guests/new" component={CreateGuest} />
            <Route path="/guests/:vm/:tab?" component={Guest} />
            <Route path="/images" component={Images} />
            <Route path="/images/:image" component={ImageView} />
            <Route path="/storages" component={Storages} />
            <Route path="/storages/:storage" component={StorageView} />
            <Route path="/tasks" component={Tasks} />
            <Route path="/tasks/:task" component={TaskView} />
            <Route path="/history" component={History} />
            <Route path="/access/:tab?" component={Access} />
            <Route path="/node" component={NodeView} />
            <Route path="*" component={NotFound} />
          </Route>
        </Router>
        <Show when={expired()}><SignInAgain /></Show>
      </Match>
    </Switch>
  );
}
