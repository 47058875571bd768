"""The subcommand of `align` that serves models, with all that can be set of the server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tfx_pipeline.command_line.options import ConfigOption, SetOption, config_of, path_option, path_or_address_option

app = typer.Typer()


@app.command()
def serve(
    config: ConfigOption = "demo",
    set_: SetOption = None,
    model_dir: Annotated[
        Any,
        path_or_address_option(
            "--model-dir",
            "--model",
            metavar="FOLDER",
            help="Folder of numbered versions, or its address at gs:// or s3://; the pushed ones if not given.",
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="What requests call the model of that folder.")] = "align",
    model_config_file: Annotated[
        Path | None,
        path_option(help="Several models, policies and labels: TensorFlow Serving's ModelServerConfig, as text."),
    ] = None,
    batching_parameters_file: Annotated[
        Path | None, path_option(help="TensorFlow Serving's BatchingParameters, as text; good ones if not given.")
    ] = None,
    monitoring_config_file: Annotated[
        Path | None, path_option(help="Where Prometheus asks: TensorFlow Serving's MonitoringConfig, as text.")
    ] = None,
    poll_s: Annotated[float, typer.Option(help="Seconds between two looks for new versions; 0 looks once.")] = 1.0,
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 lets other machines ask.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="gRPC port.")] = 8500,
    rest_port: Annotated[int, typer.Option(help="HTTP port: REST, v2, health and metrics.")] = 8501,
    no_rest: Annotated[bool, typer.Option("--no-rest", help="Open no HTTP port.")] = False,
    cors: Annotated[bool, typer.Option("--cors", help="Let web pages of any origin ask over REST.")] = False,
    ssl_key: Annotated[Path | None, path_option(help="The server's private key, PEM.")] = None,
    ssl_cert: Annotated[Path | None, path_option(help="Its certificate, PEM.")] = None,
    ssl_client_ca: Annotated[
        Path | None, path_option(help="Let only clients in whose certificate this authority signed, PEM.")
    ] = None,
    ssl_config_file: Annotated[
        Path | None, path_option(help="All three in one file: TensorFlow Serving's SSLConfig, as text.")
    ] = None,
    access_log: Annotated[
        str | None, typer.Option(metavar="FILE", help="A line of JSON for each request; - is standard error.")
    ] = None,
    max_items: Annotated[int, typer.Option(help="Most rows of one request.")] = 4096,
    max_megapixels: Annotated[int, typer.Option(help="Most million pixels of one request's pictures in all.")] = 4096,
    max_message_mb: Annotated[int, typer.Option(help="Largest request or answer, in MiB.")] = 256,
    max_calls: Annotated[int, typer.Option(help="Requests of one port in work at once.")] = 128,
    grace_s: Annotated[float, typer.Option(help="Seconds that requests in work have to end at SIGTERM.")] = 20.0,
) -> None:
    """Serve the pushed model, or any others, over TensorFlow Serving's gRPC and REST APIs."""
    from tfx_pipeline.commands.serve import Serving, serve_until_stopped
    from tfx_pipeline.settings.config import at_home

    serve_until_stopped(
        Serving(
            config_of(config, set_).root,
            model_dir=model_dir,
            name=name,
            model_config_file=model_config_file,
            batching_parameters_file=batching_parameters_file,
            monitoring_config_file=monitoring_config_file,
            poll_s=poll_s,
            host=host,
            port=port,
            rest_port=None if no_rest else rest_port,
            cors=cors,
            ssl_key=ssl_key,
            ssl_cert=ssl_cert,
            ssl_client_ca=ssl_client_ca,
            ssl_config_file=ssl_config_file,
            access_log=access_log and at_home(access_log, "--access-log"),
            max_items=max_items,
            max_megapixels=max_megapixels,
            max_message_mb=max_message_mb,
            max_calls=max_calls,
            grace_s=grace_s,
        )
    )
