"""What takes longer than a call: jobs and their results."""

from unseen.node.errors.branches import NotFoundError, RefusedError


class JobNotFoundError(NotFoundError):
    """No job of this id, or it is another party's."""

    reason = "JOB_NOT_FOUND"


class ResultNotFoundError(NotFoundError):
    """The job has no result to fetch: not yet, or not any more."""

    reason = "RESULT_NOT_FOUND"


class JobError(RefusedError):
    """The job's state does not allow this."""


class JobStateError(JobError):
    """The job's state knows no such step."""

    reason = "JOB_STATE"


class JobCancelledError(JobError):
    """The job was cancelled, by a party or with its contract."""

    reason = "JOB_CANCELLED"


class JobLeaseLostError(JobError):
    """The lease named is not the job's: another run has it, or the job has ended."""

    reason = "JOB_LEASE_LOST"


class JobAbandonedError(JobError):
    """The job was begun as often as it may be, and no run of it came to an end."""

    reason = "JOB_ABANDONED"


class ResultTooLargeError(JobError):
    """A job's result is larger than the node keeps."""

    reason = "RESULT_TOO_LARGE"
