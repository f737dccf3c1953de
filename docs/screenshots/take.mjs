// take.mjs MODULES URL USER PASSWORD FOLDER WEB DB: the pictures of the READMEs, in both languages; WEB and DB are the
// numbers of two running guests. Started by `make`.
import { createRequire } from "node:module";

const [modules, url, user, password, folder, web, db] = process.argv.slice(2);
const { chromium } = createRequire(`${modules}/package.json`)("playwright-core");
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });

const words = {
  en: { locale: "en-US", serial: "Serial", plan: "Show the plan", memory: "Memory" },
  ja: { locale: "ja-JP", serial: "シリアル", plan: "変更内容を確認", memory: "メモリ" },
};
const GRAPHS_MS = 60000; // of which the graphs tell

for (const [language, { locale, serial, plan, memory }] of Object.entries(words)) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale, colorScheme: "light", ignoreHTTPSErrors: true });
  const page = await context.newPage();
  const go = (path) => page.goto(url + path).then(() => page.locator("nav.side").waitFor());
  const take = (name) => page.screenshot({ path: `${folder}/${name}-${language}.png` });
  await page.goto(url);
  await page.locator("input[name=user]").fill(user);
  await page.locator("input[name=password]").fill(password);
  await page.locator("button.main-action").click();
  await page.locator("nav.side").waitFor();

  await go(`/guests/${web}/console`);
  await page.getByRole("radio", { name: serial }).click();
  const terminal = page.locator(".xterm-rows");
  await terminal.getByText(language === "en" ? "login:" : "root@").first().waitFor();
  await page.locator(".xterm-helper-textarea").focus();
  if (language === "en") await page.keyboard.type("root\n");
  await terminal.getByText("root@").first().waitFor();
  await page.keyboard.type(`uname -a; free -m; uptime; echo ${language}-$((40+2))\n`);
  await terminal.getByText(`${language}-42`).waitFor();
  await take("console");

  await go(`/guests/${db}/hardware`);
  await page.getByLabel(memory, { exact: true }).fill("256M");
  await page.getByRole("button", { name: plan }).click();
  await page.locator("dialog td").first().waitFor();
  await take("plan");

  await go("/history");
  await page.locator(".moment").first().waitFor();
  await take("history");

  await page.emulateMedia({ colorScheme: "dark" });
  await go("/guests");
  await page.locator(".grid-row").first().waitFor();
  await take("guests");

  await page.emulateMedia({ colorScheme: "light" });
  await go("/");
  if (language === "en") await page.waitForTimeout(GRAPHS_MS);
  await page.waitForTimeout(4000); // a few samples, live
  await take("overview");

  await go(`/guests/${db}`);
  await page.getByRole("img", { name: /[1-9].*%/ }).first().waitFor();
  await take("guest");
  await context.close();
}
await browser.close();
