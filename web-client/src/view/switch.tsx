/** An on/off switch with its words. */

interface Props {
  label: string;
  hint?: string;
  on: boolean;
  disabled?: boolean;
  toggle: (on: boolean) => void;
}

export function Switch({ label, hint, on, disabled = false, toggle }: Props) {
  return (
    <button class="switch" type="button" role="switch" aria-checked={on} aria-label={label} disabled={disabled} onClick={() => toggle(!on)}>
      <span class="switch-words">
        {label}
        {hint !== undefined && <small>{hint}</small>}
      </span>
      <i class="switch-way" />
    </button>
  );
}
