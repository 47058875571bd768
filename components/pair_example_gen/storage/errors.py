"""What the errors of Beam's file systems mean, told by what they carry: knows none of their classes."""

from __future__ import annotations

_NOT_FOUND = 404  # HTTP's codes
_NOT_ALLOWED = (401, 403)
_BAD_REQUEST = 400  # of AWS also where credentials have expired, or the region is another
_SERVER_FAILS = 500  # from here on
_CREDENTIALS = {
    "s3": "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    "gs": "run gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS",
    "hdfs": "set beam.options.hdfs_user to a user who may read it",
}
_SERVER = {
    "s3": "beam.options.s3_endpoint_url, or AWS_ENDPOINT_URL where that is not set: an address with http:// or https://",
    "gs": "the network, and STORAGE_EMULATOR_HOST where it is set",
    "hdfs": "beam.options.hdfs_host, a name without http://, and hdfs_port, WebHDFS's (9870 where nobody changed it)",
}
_HINTS = {
    "hdfs": "; Beam reads hdfs://FOLDER, and hdfs://HOST/FOLDER where beam.options.hdfs_full_urls is true, and has "
    "wildcards in a glob's last part alone"
}


def innermost(error: BaseException) -> BaseException:
    """Returns the error that Beam wrapped: a BeamIOError carries it by path, others as their cause."""
    while True:
        details = getattr(error, "exception_details", None)
        wrapped = [each for each in details.values() if isinstance(each, BaseException)] if details else []
        within = wrapped[0] if wrapped else error.__cause__
        if within is None:
            return error
        error = within


def is_missing(error: BaseException) -> bool:
    """Says whether an error means that there is no such file."""
    if isinstance(error, FileNotFoundError):
        return True
    return _http_code(error) == _NOT_FOUND or getattr(error, "exception", None) == "FileNotFoundException"  # HDFS's


def explain(error: BaseException, address: str) -> str:
    """Returns the end of a sentence: why an address cannot be listed, and what to do about it."""
    scheme = address.partition("://")[0]
    bucket = address.partition("://")[2].partition("/")[0]
    cause = innermost(error)
    kind, code = type(cause).__name__, _http_code(cause)
    if scheme in ("s3", "gs") and code == _NOT_FOUND:
        return f"whose bucket {bucket!r} does not exist; check its name"
    if scheme in _CREDENTIALS and "Credentials" in kind:
        return f"but no credentials were found ({one_line(cause)}); {_CREDENTIALS[scheme]}"
    if scheme in _CREDENTIALS and (code in _NOT_ALLOWED or getattr(cause, "exception", "") == "AccessControlException"):
        return f"which the credentials that were found may not list ({one_line(cause)}); {_CREDENTIALS[scheme]}"
    if scheme == "s3" and code == _BAD_REQUEST:
        return f"which S3 refuses ({one_line(cause)}); renew the credentials, or set AWS_DEFAULT_REGION to the bucket's"
    if scheme in _SERVER and ("Connect" in kind or "Timeout" in kind or kind == "RetryError"):
        return f"where no server answers ({one_line(cause)}); check {_SERVER[scheme]}"
    if scheme in _SERVER and (isinstance(cause, ValueError) or code >= _SERVER_FAILS):  # an address that is none
        return f"which cannot be listed ({one_line(cause)}); check {_SERVER[scheme]}"
    return f"which cannot be listed ({one_line(cause)}); check its address"


def hint(address: str) -> str:
    """Returns what else may be wrong with an address where nothing was found, or ""."""
    return _HINTS.get(address.partition("://")[0], "")


def one_line(error: BaseException) -> str:
    """Returns what an error says, in one line of 200 characters at most."""
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"[-200:]
    said = next((str(part) for part in error.args if isinstance(part, str)), "") or str(error)
    return " ".join(said.split())[:200] or type(error).__name__


def _http_code(error: BaseException) -> int:
    """Returns the status that a server answered, or 0: Google's and Beam's errors have a code, boto's a response."""
    code = getattr(error, "code", None)
    if code is None:
        response = getattr(error, "response", None)
        code = response.get("ResponseMetadata", {}).get("HTTPStatusCode") if isinstance(response, dict) else None
    return int(code) if isinstance(code, int) else 0
