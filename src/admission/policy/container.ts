import { type Cel, cel, code, exists } from './cel.ts';
import type { AdmissionOptions } from '../options.ts';
import { podAnnotations } from './pod.ts';
import { named, type NamedExpression } from './policy-object.ts';

/** Name of the projected token volume, the EKS pod identity webhook's. */
export const TOKEN_VOLUME = 'aws-iam-token';

/** `variables.skipped`: the containers that the pod's annotation `skip-containers` (names, commas between) leaves as they are. */
export function skippedContainers({ annotationPrefix }: AdmissionOptions): NamedExpression {
  const skip = `${annotationPrefix}/skip-containers`;
  return named(
    'skipped',
    cel`${skip} in ${podAnnotations} ? ${podAnnotations}[${skip}].split(',').map(name, name.trim()) : []`,
  );
}

/** The CEL variable `container` has one of these environment variables, wherever the value is from. */
export const setsOneOf = (names: readonly string[]): Cel => exists(code('container.env'), cel`it.name in ${names}`);

/** The CEL variable `container` mounts the token, or something of its own in the token's place. */
export const mountsToken = ({ mountPath }: AdmissionOptions): Cel =>
  exists(code('container.volumeMounts'), cel`it.name == ${TOKEN_VOLUME} || it.mountPath == ${mountPath}`);
