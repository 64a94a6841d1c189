/**
 * Characters that steer a terminal or break a line: controls (C0, DEL, C1), line and paragraph separators, and the marks that
 * turn the direction of text, so that it reads otherwise than it is.
 */
const STEERING = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]/gu;
const STEERING_RUN = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}]+/gu;

/**
 * Text of others (tenants, AWS, an issuer) as one harmless line: each run of steering characters becomes a space. Half a
 * surrogate pair becomes U+FFFD, as the API server would make of it, so that what is stored equals what was sent.
 */
export const printable = (text: string): string => text.replaceAll(STEERING_RUN, ' ').toWellFormed();

/** The same text with each steering character written out as in JSON, so that nothing is lost. */
export const escaped = (text: string): string =>
  text.replaceAll(STEERING, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** The first `length` UTF-16 units, without half a character at the end. */
export const cutTo = (text: string, length: number): string => text.slice(0, length).toWellFormed();
