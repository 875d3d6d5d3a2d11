"""The command line: a thin door to the package. Exit 0 done, 1 some reports failed, 2 wrong use."""

import json
import sys

import click

from analysis.errors import PausesError


class _Group(click.Group):
    """Show the package's own errors as one message; keep the traceback for --debug."""

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except PausesError as error:
            if ctx.params.get("debug"):
                raise
            click.echo(f"Error: {error}", err=True)
            sys.exit(2)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="strike-pauses")
def main(debug):
    """Did announced pauses change the strikes?"""


@main.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def list_pauses(as_json):
    """List the announced pauses."""
    from analysis.pauses import load_pauses

    for pause in load_pauses().values():
        row = {"id": pause.id, "announced": str(pause.announced_at or ""), "status": pause.status, "role": pause.role}
        if as_json:
            click.echo(json.dumps(row | {"name": pause.name}))
        else:
            click.echo(f"{pause.id:38} {row['announced'][:10]:10}  {pause.status:13}  {pause.name}")


@main.command()
@click.argument("pause_id", metavar="PAUSE")
@click.option("--json", "as_json", is_flag=True)
def show(pause_id, as_json):
    """Show one pause: who claimed which window, and what its length could reveal."""
    from analysis.outlook import outlook
    from analysis.pauses import get_pause, load_pauses

    pause = get_pause(load_pauses(), pause_id)
    claims = pause.to_frame()
    if as_json:
        click.echo(claims.to_json(orient="records", date_format="iso"))
        return
    click.echo(f"{pause.summary()}\n\n{claims.dropna(axis=1, how='all').to_string(index=False)}\n")
    for line in outlook(pause):
        click.echo(line)


@main.command()
@click.argument("pause_id", metavar="PAUSE")
@click.option("--outcome", "outcome_names", multiple=True, help="Default: drones and missiles launched.")
@click.option("--claim", default="main", show_default=True)
def test(pause_id, outcome_names, claim):
    """Test one pause and print the verdict."""
    from analysis.procedure import VOLUME, assess

    found = assess(pause_id, claim=claim, outcomes=outcome_names or VOLUME)
    click.echo(f"{found.pause.name} (window: {found.claim})")
    for outcome in found.outcomes():
        effect = found.primary(outcome)
        click.echo(
            f"\n{effect.verdict.upper()}\n  {effect.summary()}\n  Why: {effect.reason}.\n  {found.rebound(outcome)}"
        )
    if found.lull:
        click.echo(f"\n{found.lull.summary()}")
