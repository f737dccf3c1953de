// A choice that the browser keeps.
import { createSignal, type Accessor } from "solid-js";

export function kept<T extends string>(key: string, choices: readonly T[], first: T): [Accessor<T>, (value: T) => void] {
  const [value, setValue] = createSignal<T>(choices.find((one) => one === localStorage.getItem(key)) ?? first);
  return [
    value,
    (next) => {
      localStorage.setItem(key, next);
      setValue(() => next);
    },
  ];
}
