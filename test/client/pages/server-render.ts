/** A component that shows a stream, rendered as a server does it. */
import { textContent } from 'generation-jobs/content';
import { type UseGenerationOptions, useGeneration } from 'generation-jobs/react';
import { createElement, StrictMode, version } from 'react';
import { renderToString } from 'react-dom/server';

type Options = Partial<UseGenerationOptions<object, { text: string }>>;

export { version };

export function render(streamId: string | null, options: Options): string {
  function Answer() {
    const { content, status, pendingAction, connection } = useGeneration(streamId, {
      url: '/api/chat',
      contentModel: textContent(),
      ...options,
    });
    const shown = [content?.text, status, pendingAction?.actionId, connection?.name];
    return createElement('p', null, shown.map((one) => one ?? '-').join(' | '));
  }
  return renderToString(createElement(StrictMode, null, createElement(Answer)));
}
