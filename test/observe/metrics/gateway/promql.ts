// The names in a PromQL expression, found by its shape: enough for what the alerts and the dashboard ask.

export interface Names {
  readonly metrics: readonly string[];
  /** In matchers, and behind by, without, on, ignoring and group_left. */
  readonly labels: readonly string[];
  /** Of matchers: metric, label, and the value or the regex that it is matched with. */
  readonly values: readonly (readonly [metric: string, label: string, value: string])[];
}

const FUNCTIONS = new Set(
  (
    'sum min max avg count rate increase delta irate histogram_quantile clamp_min clamp_max label_values ' +
    'absent sort and or unless on by without ignoring group_left group_right bool time vector topk bottomk ' +
    'deriv changes predict_linear avg_over_time max_over_time min_over_time present_over_time scalar'
  ).split(' '),
);

export function namesIn(expression: string): Names {
  const metrics: string[] = [];
  const labels: string[] = [];
  const values: [string, string, string][] = [];
  // Grafana's own function has a label behind the comma.
  let rest = expression.replace(/^label_values\((.+), (\w+)\)$/, (_, metric: string, label: string) => {
    labels.push(label);
    return metric;
  });
  rest = rest.replaceAll(
    /\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g,
    (_, list: string) => {
      labels.push(
        ...list
          .split(',')
          .map((one) => one.trim())
          .filter(Boolean),
      );
      return ' ';
    },
  );
  rest = rest.replaceAll(/([a-z_:]\w*)?\{([^}]*)\}/g, (_, metric: string | undefined, matchers: string) => {
    if (metric !== undefined) metrics.push(metric);
    for (const [, label = '', operator = '', value = ''] of matchers.matchAll(
      /(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g,
    )) {
      labels.push(label);
      if (operator.startsWith('=')) values.push([metric ?? '', label, value]);
    }
    return ' ';
  });
  rest = rest.replaceAll(/\[[^\]]*\]|"[^"]*"|\boffset \w+/g, ' ');
  for (const [word] of rest.matchAll(/[a-zA-Z_][a-zA-Z0-9_:]*/g))
    if (!FUNCTIONS.has(word) && !labels.includes(word)) metrics.push(word);
  return { metrics, labels, values };
}
