"""Asks the predecessor what it makes of one stage of a site.

    predecessor.py SITE STAGE ANSWER

SITE is a folder of which this may change the `.hive` part. ANSWER becomes a JSON object:
`inventory` is what its `hive inventory` prints, `values` has every variable of every host of the
stage as Ansible evaluates it ({"value": ...} or {"error": ...}), `persisted` the file of persisted
values afterwards, and `failed` instead of all that what it said when it refused the inventory.
"""

import datetime
import json
import os
import sys

import yaml


def plain(value):
    """Text of its own kind for what JSON has no word for."""
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    if isinstance(value, (list, tuple, set)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {key(name): plain(item) for name, item in value.items()}
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return value if abs(value) != float("inf") else str(value)
    if isinstance(value, str):
        return str.__str__(value)
    return repr(value)


def key(name):
    """A map's key as JSON writes it."""
    if isinstance(name, bool):
        return "true" if name else "false"
    return "null" if name is None else str(name)


def ask(stage, temporary):
    from hive_builder import hive

    context = hive.hiveContext()
    command = next(c for c in hive.SUBCOMMANDS if c.name == "inventory")
    sys.argv = ["hive", "-s", stage, "-W", temporary, "inventory"]
    context.setup(hive.SUBCOMMANDS)
    command.build_context(context)
    extra = command.collect_ansible_vars(context.vars, context.variables_metainf)

    # Only now: what Ansible is configured with is read once, from the environment made above.
    from ansible.cli.inventory import InventoryCLI
    from ansible.template import Templar
    from ansible.vars.hostvars import HostVars

    listing = os.path.join(temporary, "inventory.json")
    playbooks = context.vars["playbooks_dir"]
    cli = InventoryCLI(["ansible-inventory", f"--playbook-dir={playbooks}", "--list", f"--output={listing}"])
    try:
        cli.run()
    except SystemExit:
        pass
    with open(listing) as file:
        inventory = json.load(file)

    # As a play would have it.
    cli.vm._extra_vars = extra
    HostVars(inventory=cli.inventory, variable_manager=cli.vm, loader=cli.loader)
    hostvars = inventory["_meta"]["hostvars"]
    values = {}
    for name in sorted(cli.inventory.groups[stage].get_hosts(), key=lambda h: h.name):
        name = name.name
        host = cli.inventory.get_host(name)
        variables = cli.vm.get_vars(host=host, include_hostvars=True)
        variables["vars"] = variables.copy()
        templar = Templar(loader=cli.loader, variables=variables)
        values[name] = {}
        for variable in sorted(hostvars.get(name, {})):
            try:
                values[name][variable] = {"value": plain(templar.template(variables[variable]))}
            except Exception as error:
                values[name][variable] = {"error": f"{type(error).__name__}: {error}"}

    # What a play on the first hive sees of a service, which is how it deploys.
    seen = {}
    members = {h.name for h in cli.inventory.groups[stage].get_hosts()}
    first = [h for h in cli.inventory.groups["first_hive"].get_hosts() if h.name in members]
    if first and "services" in cli.inventory.groups:
        variables = cli.vm.get_vars(host=first[0], include_hostvars=True)
        variables["vars"] = variables.copy()
        for service in cli.inventory.groups["services"].get_hosts():
            if service.name not in members:
                continue
            variables["item"] = service.name
            templar = Templar(loader=cli.loader, variables=variables)
            seen[service.name] = {}
            for variable in sorted(hostvars.get(service.name, {})):
                try:
                    text = "{{ hostvars[item]." + variable + " | default(omit) }}"
                    seen[service.name][variable] = {"value": plain(templar.template(text))}
                except Exception as error:
                    seen[service.name][variable] = {"error": f"{type(error).__name__}: {error}"}
    return {"inventory": inventory, "values": values, "seen": seen}


def main():
    site, stage, answer = sys.argv[1:]
    site = os.path.realpath(site)
    answer = os.path.abspath(answer)
    temporary = answer + ".tmp"
    os.makedirs(temporary, exist_ok=True)
    os.environ["ANSIBLE_LOCAL_TEMP"] = temporary
    os.environ["PATH"] = os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"]
    os.chdir(site)

    # Its reader of services knows the persisted stage only, so that has to be the one in question.
    os.makedirs(".hive", exist_ok=True)
    persisted = {}
    if os.path.exists(".hive/persistents.yml"):
        with open(".hive/persistents.yml") as file:
            persisted = yaml.safe_load(file)
    persisted.setdefault("stage", {})["global"] = stage
    with open(".hive/persistents.yml", "w") as file:
        yaml.dump(persisted, file)

    try:
        found = ask(stage, temporary)
    except Exception as error:
        found = {"failed": f"{type(error).__name__}: {error}"}
    with open(".hive/persistents.yml") as file:
        found["persisted"] = yaml.safe_load(file)
    text = json.dumps(found, indent=1, ensure_ascii=False).replace(site, "{site}")
    with open(answer, "w") as file:
        file.write(text)


main()
