/** A decision in the answer's own words, as Markdown: what became of a call that somebody was asked about. */
import type { Decision, PauseInput } from 'generation-jobs';

export type AskedRequest = NonNullable<PauseInput['requests']>[number];

export function decisionText(
  { name }: Pick<AskedRequest, 'name'>,
  { decision, reason, text = '', arguments: edited }: Decision,
): string {
  const why = reason === undefined ? '' : `\n\n${quoted(reason)}`;
  switch (decision) {
    case 'approve':
      return `**${name}** was approved.\n\n`;
    case 'reject':
      return `**${name}** was not approved, so it was not called.${why}\n\n`;
    case 'edit':
      return `**${name}** was approved with other arguments:\n\n\`\`\`json\n${JSON.stringify(edited, null, 2)}\n\`\`\`\n\n`;
    case 'respond':
      return `**${name}** was not called. Its result, as it was given by hand:\n\n${quoted(text)}\n\n`;
    default:
      return decision satisfies never;
  }
}

export function quoted(text: string): string {
  return text.replace(/^/gm, '> ');
}
