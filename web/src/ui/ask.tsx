// Questions of the page itself, for what has no plan: "really?" and a line of text. askYes() and askText() answer when the
// dialog is closed; <Questions /> of the frame shows it.
import { createSignal, Show, type JSX } from "solid-js";
import { t } from "../i18n";
import { Dialog } from "./dialog";

interface Question {
  title: string;
  text?: string; // lines
  verb: string; // what the button says
  danger?: boolean;
  label?: string; // of the line of text that is asked for
  value?: string;
  answer: (text: string | undefined) => void;
}

const [question, setQuestion] = createSignal<Question>();

function ask(asked: Omit<Question, "answer">): Promise<string | undefined> {
  question()?.answer(undefined);
  return new Promise((resolve) => setQuestion({ ...asked, answer: resolve }));
}

export const askYes = async (asked: Pick<Question, "title" | "text" | "verb" | "danger">): Promise<boolean> => (await ask(asked)) !== undefined;
export const askText = (asked: Pick<Question, "title" | "verb" | "value"> & { label: string }): Promise<string | undefined> => ask(asked);

export function Questions(): JSX.Element {
  return (
    <Show when={question()} keyed>
      {(asked) => {
        let input: HTMLInputElement | undefined;
        const end = (text: string | undefined) => {
          if (question() === asked) setQuestion(undefined);
          asked.answer(text);
        };
        return (
          <Dialog title={asked.title} class="narrow" close={() => end(undefined)}>
            <form class="stack" onSubmit={(event) => (event.preventDefault(), end(input?.value.trim() ?? ""))}>
              <Show when={asked.text}><p class="text">{asked.text}</p></Show>
              <Show when={asked.label}><label class="field"><span>{asked.label}</span><input ref={input} required maxLength={63} value={asked.value ?? ""} /></label></Show>
              <div class="buttons">
                <button type="button" onClick={() => end(undefined)}>{t("cancel")}</button>
                <button class={`main-action ${asked.danger ? "danger" : ""}`}>{asked.verb}</button>
              </div>
            </form>
          </Dialog>
        );
      }}
    </Show>
  );
}
