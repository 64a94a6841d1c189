interface PreloadedPolicy {
  readonly name: string;
  readonly path: string;
  readonly document: {
    readonly Version: '2012-10-17';
    readonly Statement: readonly {
      readonly Effect: 'Allow';
      readonly Action: readonly string[];
      readonly Resource: '*';
    }[];
  };
}

const allow = (name: string, ...actions: readonly string[]): PreloadedPolicy => ({
  name,
  path: '/',
  document: { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: actions, Resource: '*' }] },
});

/** AWS managed policies that exist in every account. The documents are short stand-ins with the same intent. */
export const AWS_MANAGED_POLICIES: readonly PreloadedPolicy[] = [
  allow('AdministratorAccess', '*'),
  allow(
    'AmazonDynamoDBReadOnlyAccess',
    'dynamodb:BatchGetItem',
    'dynamodb:Describe*',
    'dynamodb:Get*',
    'dynamodb:List*',
    'dynamodb:Query',
    'dynamodb:Scan',
  ),
  allow(
    'AmazonEC2ReadOnlyAccess',
    'ec2:Describe*',
    'ec2:Get*',
    'elasticloadbalancing:Describe*',
    'autoscaling:Describe*',
    'cloudwatch:Describe*',
  ),
  allow('AmazonS3FullAccess', 's3:*', 's3-object-lambda:*'),
  allow(
    'AmazonS3ReadOnlyAccess',
    's3:Get*',
    's3:List*',
    's3:Describe*',
    's3-object-lambda:Get*',
    's3-object-lambda:List*',
  ),
  allow(
    'AmazonSQSReadOnlyAccess',
    'sqs:GetQueueAttributes',
    'sqs:GetQueueUrl',
    'sqs:ListDeadLetterSourceQueues',
    'sqs:ListQueues',
    'sqs:ListQueueTags',
  ),
  allow('CloudWatchLogsFullAccess', 'logs:*', 'cloudwatch:GenerateQuery'),
  allow(
    'ReadOnlyAccess',
    'dynamodb:Describe*',
    'dynamodb:Get*',
    'dynamodb:List*',
    'ec2:Describe*',
    'iam:Get*',
    'iam:List*',
    'logs:Describe*',
    'logs:Get*',
    's3:Get*',
    's3:List*',
    'sqs:Get*',
    'sqs:List*',
    'sts:GetCallerIdentity',
  ),
];
