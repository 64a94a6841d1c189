import { AwsError } from './errors.ts';
import type { HttpResponse } from './http.ts';
import type { Tag } from './state.ts';
import { xmlElement, type XmlRecord } from './xml.ts';

/** Parameters as a caller in the same process writes them (`LocalAccount.perform`). */
export type ParameterInput = Readonly<Record<string, string | number | readonly string[] | readonly Tag[] | undefined>>;

/** The parameters of one request of AWS's query protocol: scalars, `X.member.N` lists, `X=` for an empty list. */
export class Parameters {
  readonly #values: ReadonlyMap<string, string>;

  private constructor(values: ReadonlyMap<string, string>) {
    this.#values = values;
  }

  /** Parses a form body or query string (`+` and `%20` are both a space). */
  static fromForm(form: string): Parameters {
    return new Parameters(new Map(new URLSearchParams(form)));
  }

  static fromInput(input: ParameterInput): Parameters {
    const values = new Map<string, string>();
    for (const [name, value] of Object.entries(input)) {
      if (Array.isArray(value)) addList(values, name, value);
      else if (value !== undefined) values.set(name, String(value));
    }
    return new Parameters(values);
  }

  /** Whether the parameter was sent, as a scalar or as a list. */
  has(name: string): boolean {
    return [...this.#values.keys()].some((key) => key === name || key.startsWith(`${name}.`));
  }

  text(name: string): string | undefined {
    return this.#values.get(name);
  }

  /** A parameter that validation has made sure of. */
  required(name: string): string {
    const value = this.#values.get(name);
    if (value === undefined)
      throw new AwsError('MissingParameter', 400, `The request must contain the parameter ${name}.`);
    return value;
  }

  /** The list `name`, `[]` for an empty one, `undefined` when it was not sent. */
  list(name: string): readonly string[] | undefined {
    const indexes = this.#memberIndexes(name);
    if (indexes.length === 0) return this.#values.get(name) === undefined ? undefined : [];
    return indexes.map((index) => this.#values.get(`${name}.member.${index}`) ?? '');
  }

  tags(name: string): readonly Tag[] | undefined {
    const indexes = this.#memberIndexes(name);
    if (indexes.length === 0) return this.#values.get(name) === undefined ? undefined : [];
    return indexes.map((index) => ({
      Key: this.#values.get(`${name}.member.${index}.Key`) ?? '',
      Value: this.#values.get(`${name}.member.${index}.Value`) ?? '',
    }));
  }

  /** For the call log: no tokens, no envelope, long values cut. */
  summary(): Record<string, string> {
    const shown = [...this.#values].filter(([name]) => !HIDDEN.has(name));
    return Object.fromEntries(shown.map(([name, value]) => [name, value.slice(0, 2048)]));
  }

  #memberIndexes(name: string): number[] {
    const prefix = `${name}.member.`;
    const indexes = [...this.#values.keys()]
      .filter((key) => key.startsWith(prefix))
      .map((key) => Number.parseInt(key.slice(prefix.length), 10));
    return [...new Set(indexes)].toSorted((a, b) => a - b);
  }
}

const HIDDEN: ReadonlySet<string> = new Set(['Action', 'Version', 'WebIdentityToken', 'SAMLAssertion', 'TokenCode']);

function addList(values: Map<string, string>, name: string, list: readonly (string | Tag)[]): void {
  if (list.length === 0) values.set(name, '');
  for (const [index, item] of list.entries()) {
    const member = `${name}.member.${index + 1}`;
    if (typeof item === 'string') {
      values.set(member, item);
    } else {
      values.set(`${member}.Key`, item.Key);
      values.set(`${member}.Value`, item.Value);
    }
  }
}

export type QueryService = 'iam' | 'sts';

const NAMESPACES: Readonly<Record<QueryService, string>> = {
  iam: 'https://iam.amazonaws.com/doc/2010-05-08/',
  sts: 'https://sts.amazonaws.com/doc/2011-06-15/',
};

/** The answer to an operation; `undefined` is an operation without output. */
export function queryResponse(
  service: QueryService,
  operation: string,
  result: XmlRecord | undefined,
  requestId: string,
): HttpResponse {
  const content = { [`${operation}Result`]: result, ResponseMetadata: { RequestId: requestId } };
  return xmlResponse(200, xmlElement(`${operation}Response`, content, ` xmlns="${NAMESPACES[service]}"`), requestId);
}

export function queryErrorResponse(service: QueryService, error: AwsError, requestId: string): HttpResponse {
  const content = {
    Error: { Type: error.status >= 500 ? 'Receiver' : 'Sender', Code: error.code, Message: error.message },
    RequestId: requestId,
  };
  return xmlResponse(error.status, xmlElement('ErrorResponse', content, ` xmlns="${NAMESPACES[service]}"`), requestId);
}

function xmlResponse(status: number, body: string, requestId: string): HttpResponse {
  return { status, headers: { 'content-type': 'text/xml', 'x-amzn-requestid': requestId }, body };
}
