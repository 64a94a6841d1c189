import { type Cel, cel, code, conditional, exists, fieldOr } from './cel.ts';
import type { AdmissionOptions } from '../options.ts';
import { skipAnnotation, TOKEN_VOLUME, tokenPlaces } from '../web-identity.ts';
import { podAnnotations } from './pod.ts';
import { named, type NamedExpression } from './policy-object.ts';

/** Init containers, native sidecars among them, and containers. */
export const allContainers = cel`(${fieldOr(code('object.spec.initContainers'), cel`[]`)} + object.spec.containers)`;

// An expression may cost 1 000 000 units, after which the API server denies the pod with the whole expression as its message.
// Measured on 1.36: injection costs about 770 units a container and 28 a variable, and reaches the limit at 1 300 containers or
// 33 000 variables. Adding to a list of 10 000 variables takes the API server seconds, so the bound is far below that.
export const MAX_POD_SIZE = 10_000;
const CONTAINER_SIZE = 30;
const MAX_CONTAINERS = MAX_POD_SIZE / CONTAINER_SIZE;

const sizeOr0 = (list: Cel): Cel => conditional(cel`has(${list})`, cel`size(${list})`, 0);

// The sum has a cost too.
const sizeOfPod = cel`size(${allContainers}) > ${Math.floor(MAX_CONTAINERS)} ? ${CONTAINER_SIZE} * size(${allContainers}) : ${allContainers}.map(container, ${CONTAINER_SIZE} + ${sizeOr0(code('container.env'))} + ${sizeOr0(code('container.volumeMounts'))}).sum()`;

/** `variables.podSize`: variables and mounts of all containers, and 30 for each container. */
export const podSize: NamedExpression = named('podSize', sizeOfPod);

/** The API server can evaluate an expression over all containers and their lists. */
export const smallEnough = cel`variables.podSize <= ${MAX_POD_SIZE}`;

/** `smallEnough` where there are no variables, as in match conditions. */
export const isSmallEnough = cel`(${sizeOfPod}) <= ${MAX_POD_SIZE}`;

/** The containers that the pod's annotation `skip-containers` (names, commas between) leaves as they are. */
export function skipped(options: AdmissionOptions): Cel {
  const skip = skipAnnotation(options);
  return cel`(${skip} in ${podAnnotations} ? ${podAnnotations}[${skip}].split(',').map(name, name.trim()) : [])`;
}

/** `variables.skipped`. */
export const skippedContainers = (options: AdmissionOptions): NamedExpression => named('skipped', skipped(options));

/** The CEL variable `container` has one of these environment variables, wherever the value is from. */
export const setsOneOf = (names: readonly string[]): Cel => exists(code('container.env'), cel`it.name in ${names}`);

/** The CEL variable `container` mounts the token, or something of its own in the token's place. */
export const mountsToken = (options: AdmissionOptions): Cel =>
  exists(code('container.volumeMounts'), cel`it.name == ${TOKEN_VOLUME} || it.mountPath in ${tokenPlaces(options)}`);
