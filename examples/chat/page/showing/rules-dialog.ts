/** Lists what the user has allowed once for all, and takes it back. */
import type { ShownRule } from 'generation-jobs/client';
import { byId, make } from '../elements.js';
import { listRules, revokeRule } from '../following/chat-api.js';
import { complaintOf } from '../following/failures.js';

const WHERE = { conversation: 'in one conversation', user: 'everywhere' } as const;

export function initRules(onProblem: (problem: string) => void): void {
  const dialog = byId('rules-dialog', HTMLDialogElement);
  const list = byId('rules', HTMLElement);
  const show = async () => {
    try {
      const rules = await listRules();
      list.replaceChildren(...rules.map((rule) => lineOf(rule, show)));
      if (rules.length === 0) list.append(make('li', '', 'Nothing: you are asked about every call.'));
      dialog.showModal();
    } catch (error) {
      dialog.close();
      onProblem(complaintOf('What is always allowed could not be read', error));
    }
  };
  byId('show-rules', HTMLButtonElement).addEventListener('click', () => void show());
  dialog.querySelector('.plain')?.addEventListener('click', () => dialog.close());

  function lineOf({ ruleId, tool, match, scope, used }: ShownRule, again: () => Promise<void>): HTMLElement {
    const args = match.kind === 'exact' ? JSON.stringify(match.arguments) : match.kind;
    const revoke = make('button', 'plain', 'Revoke');
    revoke.type = 'button';
    revoke.addEventListener('click', () => {
      revokeRule(ruleId)
        .then(() => {
          dialog.close();
          return again();
        })
        .catch((error: unknown) => onProblem(complaintOf('The rule was not revoked', error)));
    });
    const about = make('span', '', make('b', '', tool), ` ${args}, ${WHERE[scope]}, used ${used} times `);
    const line = make('li', 'rule', about, revoke);
    line.dataset.testid = 'rule';
    return line;
  }
}
