import { type Cel, cel, code, conditional, exists, fieldOr } from './cel.ts';
import type { AdmissionOptions } from '../options.ts';
import { skipAnnotation, TOKEN_VOLUME, tokenPlaces } from '../web-identity.ts';
import { podAnnotations } from './pod.ts';
import { named, type NamedExpression } from './policy-object.ts';

/** Init containers, native sidecars among them, and containers. */
export const allContainers = cel`(${fieldOr(code('object.spec.initContainers'), cel`[]`)} + object.spec.containers)`;

// An expression may cost 1 000 000 units, after which the API server denies the pod with the whole expression as its message.
// Measured on 1.36: injection costs about 770 units a container and 28 a variable, and reaches the limit at 1 300 containers or
// 33 000 variables. Adding to a list of 10 000 variables takes the API server seconds, so the bound is far below that. So does
// reading 20 000 names of containers, which costs hardly anything by its count: their annotation is weighed by its characters.
export const MAX_POD_SIZE = 10_000;
export const CONTAINER_SIZE = 30;
const MAX_CONTAINERS = MAX_POD_SIZE / CONTAINER_SIZE;
export const SKIP_CHARACTER_SIZE = 3;

const sizeOr0 = (list: Cel): Cel => conditional(cel`has(${list})`, cel`size(${list})`, 0);

// The sum has a cost too.
const sizeOfContainers = cel`(size(${allContainers}) > ${Math.floor(MAX_CONTAINERS)} ? ${CONTAINER_SIZE} * size(${allContainers}) : ${allContainers}.map(container, ${CONTAINER_SIZE} + ${sizeOr0(code('container.env'))} + ${sizeOr0(code('container.volumeMounts'))}).sum())`;

/** The pod's annotation `skip-containers` (names, commas between). */
function skipText(options: AdmissionOptions): Cel {
  const skip = skipAnnotation(options);
  return conditional(cel`${skip} in ${podAnnotations}`, cel`${podAnnotations}[${skip}]`, '');
}

const sizeOfPod = (options: AdmissionOptions): Cel =>
  cel`${sizeOfContainers} + ${SKIP_CHARACTER_SIZE} * size(${skipText(options)})`;

/** `variables.podSize`: variables and mounts of all containers, 30 for each container, 3 for each character of `skip-containers`. */
export const podSize = (options: AdmissionOptions): NamedExpression => named('podSize', sizeOfPod(options));

/** The API server can evaluate an expression over all containers and their lists. */
export const smallEnough = cel`variables.podSize <= ${MAX_POD_SIZE}`;

/** `smallEnough` where there are no variables, as in match conditions. */
export const isSmallEnough = (options: AdmissionOptions): Cel => cel`${sizeOfPod(options)} <= ${MAX_POD_SIZE}`;

/** The names that the pod's annotation `skip-containers` lists, whether the pod has such containers or not. */
export const skippedNames = (options: AdmissionOptions): Cel =>
  cel`${skipText(options)}.split(',').map(name, name.trim())`;

/** `variables.skipped`: the names of the containers that stay as they are. No longer than the pod, since it is searched often. */
export const skippedContainers = (options: AdmissionOptions): readonly NamedExpression[] => [
  // The API server evaluates messages before it knows which one it needs, and so for pods of any size.
  named('skippedNames', conditional(smallEnough, skippedNames(options), cel`[]`)),
  named(
    'skipped',
    cel`${allContainers}.filter(container, container.name in variables.skippedNames).map(container, container.name)`,
  ),
];

/** The CEL variable `container` has one of these environment variables, wherever the value is from. */
export const setsOneOf = (names: readonly string[]): Cel => exists(code('container.env'), cel`it.name in ${names}`);

/** The CEL variable `container` mounts the token, or something of its own in the token's place. */
export const mountsToken = (options: AdmissionOptions): Cel =>
  exists(code('container.volumeMounts'), cel`it.name == ${TOKEN_VOLUME} || it.mountPath in ${tokenPlaces(options)}`);
