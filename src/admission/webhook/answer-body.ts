import type { Logger } from 'pino';
import { errorFields } from '../../runtime/error-fields.ts';
import type { InjectionOptions } from './inject-pod.ts';
import type { Reply } from './request.ts';
import { answer, type Lookup, type ParsedReview, parseReview } from './review.ts';
import type { WebhookObserver } from './webhook-metrics.ts';

export interface AnswerOptions {
  readonly lookup: Lookup;
  readonly injection: InjectionOptions;
  readonly observer: WebhookObserver;
  readonly log: Logger;
}

/** Answers the body of a request; one that is no review with 400 and what is wrong with it. */
export function answerBody({ lookup, injection, observer, log }: AnswerOptions): (body: string) => Reply {
  return (body) => {
    const begin = performance.now();
    const parsed = parsedBody(body);
    if (parsed.kind === 'invalid') {
      observer.reviewed('invalid', (performance.now() - begin) / 1000);
      log.warn({ problem: parsed.message }, 'webhook request is no review');
      return { status: 400, body: parsed.message };
    }
    const reviewed = answer(parsed.review, lookup, injection);
    observer.reviewed(reviewed.outcome, (performance.now() - begin) / 1000);
    if (reviewed.outcome === 'lookupFailed') {
      const { namespace } = parsed.review.request;
      log.warn({ namespace, err: errorFields(reviewed.error) }, 'cannot tell the role of a pod, letting it through');
    }
    return { status: 200, body: JSON.stringify(reviewed.answer) };
  };
}

function parsedBody(body: string): ParsedReview {
  try {
    return parseReview(JSON.parse(body));
  } catch (error) {
    if (error instanceof SyntaxError) return { kind: 'invalid', message: 'the body is no JSON' };
    throw error;
  }
}
