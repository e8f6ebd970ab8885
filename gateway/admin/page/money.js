// Money as text and as BigInt nano-USD, never as a float.

const kNanos = 1_000_000_000n;

// "0.04" -> 40000000n; null for what is no decimal with at most 9 decimals.
export function nanosOf(text) {
  const match = /^(-?)(\d{1,10})(?:\.(\d{1,9}))?$/.exec(text);
  if (!match) return null;
  const value = BigInt(match[2]) * kNanos + BigInt((match[3] ?? "").padEnd(9, "0"));
  return match[1] ? -value : value;
}

// 40000000n -> "0.04"
export function decimalOf(nanos) {
  const size = nanos < 0n ? -nanos : nanos;
  const fraction = String(size % kNanos).padStart(9, "0").replace(/0+$/, "");
  return `${nanos < 0n ? "-" : ""}${size / kNanos}${fraction && `.${fraction}`}`;
}

// "-1234.5" -> "−$1,234.50": the digits of the text, at least two decimals.
export function dollars(text) {
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text ?? "");
  if (!match) return text ?? "–";
  return `${match[1] && "−"}$${match[2].replace(/\B(?=(\d{3})+$)/g, ",")}.${(match[3] ?? "").padEnd(2, "0")}`;
}

export const sum = texts => decimalOf(texts.reduce((total, text) => total + (nanosOf(text) ?? 0n), 0n));

// What is wrong with an amount that somebody typed; null: nothing.
export function amountProblem(text, {negative = false, zero = false} = {}) {
  const nanos = nanosOf(text);
  if (nanos === null) return "Write an amount like 12.50, with at most 9 decimals.";
  if (!negative && nanos < 0n) return "The amount cannot be negative.";
  if (!zero && nanos === 0n) return "The amount cannot be 0.";
  return (nanos < 0n ? -nanos : nanos) > 9_000_000n * kNanos ? "At most 9,000,000 dollars." : null;
}
