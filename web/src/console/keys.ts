// What can be sent that a browser or the system before the page keeps for itself, and what a keyboard here may not have.
import type { Key } from "../i18n";
import { keysyms } from "./keyboard";

type OneKey = readonly [keysym: number, code: string];

export interface Combination {
  label: string; // as it stands on the keys
  short?: string; // in a group with a title
  title?: Key; // instead, where it has a name in words
  keys: readonly OneKey[];
}

const control: OneKey = [keysyms.Control_L, "ControlLeft"];
const alt: OneKey = [keysyms.Alt_L, "AltLeft"];
const tab: OneKey = [keysyms.Tab, "Tab"];
const functionKey = (number: number): OneKey => [keysyms.F1 + number - 1, `F${number}`];

export const ctrlAltDel: Combination = { label: "Ctrl-Alt-Del", keys: [control, alt, [keysyms.Delete, "Delete"]] };

export const combinations: readonly { title?: string; columns: number; keys: readonly Combination[] }[] = [
  { columns: 1, keys: [
    ctrlAltDel,
    { label: "Ctrl-Alt-Backspace", keys: [control, alt, [keysyms.BackSpace, "Backspace"]] },
    { label: "Alt-Tab", keys: [alt, tab] },
    { label: "Alt-F4", keys: [alt, functionKey(4)] },
    { label: "Esc", keys: [[keysyms.Escape, "Escape"]] },
    { label: "Windows", title: "key_windows", keys: [[keysyms.Super_L, "MetaLeft"]] },
    { label: "Print Screen", title: "key_print", keys: [[keysyms.Print, "PrintScreen"]] },
  ] },
  { title: "Ctrl-Alt-", columns: 4, keys: [1, 2, 3, 4, 5, 6, 7, 8].map((number) => ({ label: `Ctrl-Alt-F${number}`, short: `F${number}`, keys: [control, alt, functionKey(number)] })) },
  { columns: 2, keys: [
    { label: "半角/全角", keys: [[keysyms.Zenkaku_Hankaku, "Backquote"]] },
    { label: "変換", keys: [[keysyms.Henkan, "Convert"]] },
    { label: "無変換", keys: [[keysyms.Muhenkan, "NonConvert"]] },
    { label: "カタカナ/ひらがな", keys: [[keysyms.Hiragana_Katakana, "KanaMode"]] },
  ] },
];
