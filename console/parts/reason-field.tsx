// Why something is done, in the words of whoever does it. Promises what the API takes: one line of at most 200 characters.
interface ReasonFieldProps {
  readonly value: string;
  readonly onValue: (value: string) => void;
}

export function ReasonField({ value, onValue }: ReasonFieldProps) {
  return (
    <label>
      Reason, for the audit trail
      <input
        value={value}
        maxLength={200}
        autoComplete="off"
        onInput={({ currentTarget }) => onValue(currentTarget.value)}
      />
    </label>
  );
}
