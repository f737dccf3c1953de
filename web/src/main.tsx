import "./style/page.css";
import { render } from "solid-js/web";
import { startLanguage } from "./i18n";
import { startTheme } from "./ui/theme";
import { App } from "./views/app";

startTheme();
void startLanguage().then(() => render(() => <App />, document.getElementById("page")!));
