#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""What CMake says to those whose machine or option is not right, which Rust target follows from a compiler, how prelinking
falls back, and what an installed tree can do.

    tests/build/run.py --build build/test [pattern]...

Configuring is all that most of these do; the others use the build tree's library, which must have every platform.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = None
HOST = None
RUSTC = shutil.which("rustc") or str(pathlib.Path.home() / ".cargo/bin/rustc")


def run(*command, env=None, cwd=None):
    result = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            env={**os.environ, **(env or {})}, cwd=cwd)
    return result.returncode, result.stdout


def script(path, text):
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


class Case(unittest.TestCase):
    def setUp(self):
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="otakit-build-"))
        self.addCleanup(shutil.rmtree, self.work)

    def configure(self, *options, env=None):
        return run("cmake", "-S", ROOT, "-B", self.work / "tree", *options, env=env)

    def refused(self, *options, env=None):
        """The one line that the configuration ends with."""
        code, output = self.configure(*options, env=env)
        self.assertNotEqual(code, 0, output)
        lines = [line.strip() for line in output.splitlines() if line.strip().startswith("otakit: ")]
        self.assertEqual(len(lines), 1, output)
        return lines[0]


# Every option that is on or off.
BOOLEAN = re.findall(r"^option\((OTAKIT_\w+) ", (ROOT / "cmake/OtakitOptions.cmake").read_text(), re.M)

# Every option there is.
WORDS = BOOLEAN + re.findall(r"^set\((OTAKIT_\w+) .* CACHE (?:STRING|PATH) ", (ROOT / "cmake/OtakitOptions.cmake").read_text(), re.M)


class Options(Case):
    def test_a_misspelt_option_is_refused_with_the_nearest_one(self):
        for wrong, right in [("OTAKIT_LABS", "OTAKIT_LAB"), ("OTAKIT_PLATFORM", "OTAKIT_PLATFORMS"),
                             ("OTAKIT_SIGNATURES", "OTAKIT_SIGNATURE"), ("otakit_lab", "OTAKIT_LAB"), ("OTAKIT_lab", "OTAKIT_LAB"),
                             ("OTAKT_LAB", "OTAKIT_LAB"), ("OTA_KIT_LAB", "OTAKIT_LAB"), ("otakit_SHARED:BOOL", "OTAKIT_SHARED"),
                             ("OTAKIT_BUILD_TEST:BOOL", "OTAKIT_BUILD_TESTS")]:
            line = self.refused(f"-D{wrong}=ON")
            self.assertEqual(line, f"otakit: there is no option {wrong.split(':')[0]}; the nearest one is {right}")
        # Nothing of it stays behind, and a name that is far from all of them is another project's.
        self.assertEqual(self.configure("-DKIT_LABEL=ON", "-DOTHER_TLS=x")[0], 0)

    def test_every_option_of_the_list_is_accepted(self):
        for value in ["OFF", "no", "0"]:
            self.assertEqual(self.configure(*(f"-D{name}={value}" for name in BOOLEAN))[0], 0, value)
        self.assertEqual(self.configure("-DOTAKIT_PLATFORMS=linkkit;linkkit")[0], 0)

    def test_values_are_checked(self):
        for option, line in [("OTAKIT_TLS=openssl", "OTAKIT_TLS is rustls, hal or none, not 'openssl'"),
                             ("OTAKIT_PLATFORMS=linkkit;aws", "there is no platform 'aws'"),
                             ("OTAKIT_CARGO_PROFILE=fast", "OTAKIT_CARGO_PROFILE is"),
                             ("OTAKIT_PLATFORMS=", "OTAKIT_PLATFORMS is empty"),
                             *((f"{name}=yess", f"{name} is ON or OFF, not 'yess'") for name in BOOLEAN)]:
            self.assertIn(line, self.refused(f"-D{option}"))
            # A refused value stays in the folder's cache, as CMake keeps every value.
            shutil.rmtree(self.work / "tree")

    def test_a_parents_own_variable_is_its_own_but_a_misspelling_is_not(self):
        parent = self.work / "parent"
        parent.mkdir()
        (parent / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.18)\nproject(parent C)\n"
            "foreach(word DIR ROOT SRC PATH TAG URL VER DOWNLOAD_MIRROR)\n  set(OTAKIT_${word} x)\nendforeach()\n"
            "if(WRONG)\n  set(OTAKIT_LABS ON)\nendif()\n"
            f'add_subdirectory("{ROOT}" otakit)\n')
        configure = ["cmake", "-S", parent, "-B", parent / "build"]
        code, output = run(*configure)
        self.assertEqual(code, 0, output)
        self.assertNotIn("there is no option", output)
        wrong = "there is no option OTAKIT_LABS; the nearest one is OTAKIT_LAB"
        # What the parent sets is its own affair; what the user gives is not.
        code, output = run(*configure, "-DWRONG=ON")
        self.assertEqual(code, 0, output)
        self.assertIn(wrong, output)
        code, output = run(*configure, "-DWRONG=OFF", "-DOTAKIT_LABS=ON")
        self.assertNotEqual(code, 0, output)
        self.assertIn(wrong, output)

    def test_users_get_the_library_alone(self):
        self.assertEqual(self.configure()[0], 0)
        _, targets = run("cmake", "--build", self.work / "tree", "--target", "help")
        for target in ["driver", "linkkit_ota_basic", "abi_layout"]:
            self.assertNotIn(f"... {target}\n", targets)
        for file in (self.work / "tree").rglob("flags.make"):
            self.assertNotIn("-Werror", file.read_text(), file)

    def test_no_cxx_compiler_is_asked_for(self):
        code, output = self.configure("-DOTAKIT_BUILD_TESTS=ON", env={"CXX": "/nonexistent/c++"})
        self.assertEqual(code, 0, output)
        self.assertIn("no C++ compiler", output)

    def test_production_files_do_not_read_the_tests(self):
        for file in [ROOT / "CMakeLists.txt", *(ROOT / "cmake").iterdir()]:
            if file.is_file():
                text = file.read_text().replace('add_subdirectory(tests/c)', '').replace('/tests/c"', '')
                self.assertNotIn("tests/", text, file)


class Rust(Case):
    def test_a_rustc_that_is_too_old(self):
        old = script(self.work / "rustc", "echo 'rustc 1.63.0 (4b91a6ea7 2022-08-08)'\necho 'host: x86_64-unknown-linux-gnu'\n"
                                          "echo 'release: 1.63.0'\n")
        line = self.refused(f"-DOTAKIT_RUSTC={old}")
        self.assertRegex(line, r"^otakit: rustc 1\.63\.0 \(.*\) is too old, 1\.\d+ or newer is needed: run `rustup update stable`")

    def test_a_rustc_that_does_not_run(self):
        broken = script(self.work / "rustc", "echo 'error: no override and no default toolchain set' >&2\nexit 1\n")
        line = self.refused(f"-DOTAKIT_RUSTC={broken}")
        self.assertIn("does not run (1): error: no override and no default toolchain set", line)

    def test_a_target_without_its_standard_library(self):
        bare = script(self.work / "rustc", f'case "$*" in *target-libdir*) echo {self.work}/none ;; *) exec {RUSTC} "$@" ;; esac\n')
        line = self.refused(f"-DOTAKIT_RUSTC={bare}")
        self.assertRegex(line, r"^otakit: Rust's standard library for (\S+) is not installed: run `rustup target add \1`$")

    def test_a_target_that_nobody_knows(self):
        self.assertIn("knows no target", self.refused("-DOTAKIT_RUST_TARGET=x86_64-somebody-plan9"))

    def test_a_target_that_is_not_the_compilers(self):
        line = self.refused("-DOTAKIT_RUST_TARGET=armv7-unknown-linux-gnueabihf", "-DCMAKE_C_COMPILER=gcc")
        self.assertIn("but the C compiler makes programs for", line)


class Target(Case):
    """Which Rust target follows from a compiler's macros. The compilers are made up: they print what real ones say."""

    def target(self, *macros, libc="#define __GLIBC__ 2\n"):
        text = "".join(f"#define {macro if ' ' in macro else macro + ' 1'}\n" for macro in macros)
        (self.work / "macros.cmake").write_text(f"set(macros [==[\n#define __linux__ 1\n{libc}{text}]==])\n")
        (self.work / "ask.cmake").write_text(
            "function(otakit_fail)\nendfunction()\n"
            f'file(READ "{ROOT}/cmake/OtakitTarget.cmake" text)\n'
            'string(REGEX MATCH "function\\\\(otakit_rust_target_of.*\\n# otakit_same_machine" text "${text}")\n'
            f'file(WRITE "{self.work}/function.cmake" "${{text}}")\n'
            f'include("{self.work}/function.cmake")\ninclude("{self.work}/macros.cmake")\n'
            'otakit_rust_target_of(target problem "\\n${macros}")\nmessage("${target}|${problem}")\n')
        code, output = run("cmake", "-P", self.work / "ask.cmake")
        self.assertEqual(code, 0, output)
        return output.strip().split("|")

    def test_the_table(self):
        arm = ["__arm__", "__ARMEL__"]
        hard, soft = [*arm, "__ARM_PCS_VFP"], arm
        musl = {"libc": ""}
        for wanted, macros, options in [
            ("armv7-unknown-linux-gnueabihf", [*hard, "__ARM_ARCH 7"], {}),
            ("armv7-unknown-linux-gnueabihf", [*hard, "__ARM_ARCH 8"], {}),
            ("armv7-unknown-linux-gnueabi", [*soft, "__ARM_ARCH 7"], {}),
            ("arm-unknown-linux-gnueabihf", [*hard, "__ARM_ARCH 6"], {}),
            ("arm-unknown-linux-gnueabi", [*soft, "__ARM_ARCH 6"], {}),
            ("armv5te-unknown-linux-gnueabi", [*soft, "__ARM_ARCH 5"], {}),
            ("armv7-unknown-linux-musleabihf", [*hard, "__ARM_ARCH 7"], musl),
            ("armv7-unknown-linux-musleabi", [*soft, "__ARM_ARCH 7"], musl),
            ("aarch64-unknown-linux-gnu", ["__aarch64__"], {}),
            ("aarch64-unknown-linux-musl", ["__aarch64__"], musl),
            ("x86_64-unknown-linux-gnu", ["__x86_64__"], {}),
            ("x86_64-unknown-linux-musl", ["__x86_64__"], musl),
            ("x86_64-unknown-linux-gnux32", ["__x86_64__", "__ILP32__"], {}),
            ("i686-unknown-linux-gnu", ["__i386__", "__SSE2__"], {}),
            ("i586-unknown-linux-gnu", ["__i386__", "__i586__"], {}),
            ("riscv64gc-unknown-linux-gnu", ["__riscv", "__riscv_xlen 64", "__riscv_float_abi_double", "__riscv_compressed"], {}),
            ("powerpc64le-unknown-linux-gnu", ["__powerpc64__", "__LITTLE_ENDIAN__"], {}),
            ("loongarch64-unknown-linux-gnu", ["__loongarch_lp64"], {}),
        ]:
            self.assertEqual(self.target(*macros, **options), [wanted, ""], macros)

    def test_what_is_not_supported_says_so(self):
        for word, macros, options in [
            ("before version 5TE", ["__arm__", "__ARM_ARCH 4"], {}),
            ("M profile", ["__arm__", "__ARM_ARCH 7", "__ARM_ARCH_PROFILE 77"], {}),
            ("little-endian only", ["__arm__", "__ARMEB__", "__ARM_ARCH 7"], {}),
            ("rv64gc", ["__riscv", "__riscv_xlen 32"], {}),
            ("no Rust target is known", ["__mips__"], {}),
            ("neither glibc nor musl", ["__aarch64__"], {"libc": "#define __UCLIBC__ 1\n#define __GLIBC__ 2\n"}),
            ("before the Pentium", ["__i386__", "__i486__"], {}),
        ]:
            target, problem = self.target(*macros, **options)
            self.assertEqual(target, "")
            self.assertIn(word, problem)

    def test_flags_reach_the_question(self):
        """-m32, or a sysroot that the compiler insists on, are part of the compiler."""
        seen = self.work / "seen"
        picky = script(self.work / "cc", f'echo "$*" >>{seen}\ncase " $* " in *" --sysroot="*|*" --version "*|*" -v "*) exec gcc "$@" ;; esac\n'
                                         'echo "refuses to run without --sysroot" >&2\nexit 1\n')
        (self.work / "sysroot").symlink_to("/")
        (self.work / "toolchain.cmake").write_text(
            f"set(CMAKE_C_COMPILER {picky})\nset(CMAKE_SYSROOT {self.work}/sysroot)\n")
        code, output = self.configure("--toolchain", self.work / "toolchain.cmake",
                                      f"-DCMAKE_C_FLAGS=--sysroot={self.work}/sysroot -fstack-protector-strong -O2 -Wformat -Werror=format-security")
        self.assertEqual(code, 0, output)
        # What cargo is given for the C inside crates is one word, and has all of that but optimisation and warnings.
        build = (self.work / "tree/BuildRust.cmake").read_text()
        wrapper = [word for word in build.replace(";", '"').split('"') if word.startswith("CC_")][0].split("=", 1)[1]
        text = pathlib.Path(wrapper).read_text()
        self.assertIn(f"'--sysroot={self.work}/sysroot'", text)
        self.assertIn("'-fstack-protector-strong'", text)
        self.assertNotIn("'-O2'", text)
        self.assertNotIn("-W", text)
        (self.work / "empty.c").write_text("int empty;\n")
        code, output = run(wrapper, "-c", self.work / "empty.c", "-o", self.work / "empty.o")
        self.assertEqual(code, 0, output)


class Prelink(Case):
    """The build's own script over the build tree's archive, with tools that are not as they should be."""

    def shape(self, **changed):
        """What the script says, and the archive that comes out."""
        text = (BUILD / "BuildRust.cmake").read_text()
        start = text.index("set(work_dir")
        settings = text[start:text.index("include(")]
        values = "".join(f'set({name} "{value}")\n' for name, value in changed.items())
        archive = self.work / "libotakit.a"
        if not archive.exists():
            shutil.copy(self.source(), archive)
        (self.work / "shape.cmake").write_text(
            f'cmake_minimum_required(VERSION 3.18)\n{settings}\nset(work_dir "{self.work}/work")\n'
            f'file(MAKE_DIRECTORY "{self.work}/work")\n{values}include("{ROOT}/cmake/Prelink.cmake")\n'
            f'shape_archive("{archive}")\n')
        code, output = run("cmake", "-P", self.work / "shape.cmake")
        self.assertEqual(code, 0, output)
        lines = [line for line in output.splitlines() if line.startswith("-- otakit: ")]
        self.assertEqual(len(lines), 1, output)
        return lines[0], archive

    def source(self):
        # The prelinked archive is an archive, too, and quicker to link than cargo's.
        return BUILD / "lib/libotakit.a"

    def links(self, archive):
        """Whatever was said, programs link it and run."""
        shutil.copy(BUILD / "lib/libotakit_hal.a", self.work)
        code, output = run("gcc", ROOT / "tests/c/link/main.c", f"-I{ROOT}/include/linkkit", archive,
                           self.work / "libotakit_hal.a", "-lpthread", "-lm", "-ldl", "-o", self.work / "program")
        self.assertEqual(code, 0, output)
        self.assertEqual(run(self.work / "program")[0], 0)

    def test_a_linker_that_fails_gives_way_to_the_next(self):
        line, archive = self.shape(linkers="/bin/false;ld.bfd")
        self.assertIn("prelinked by GNU ld", line)
        self.links(archive)

    def test_a_linker_that_lies_is_found_out(self):
        # It succeeds, and leaves an object without a single name.
        liar = script(self.work / "ld", 'for word; do out=$word; done\ncase "$*" in *--version*) echo "GNU ld 9.9"; exit ;; esac\n'
                                        'while [ "$1" != -o ]; do shift; done\nprintf "int nothing;" | gcc -c -x c - -o "$2"\n')
        line, archive = self.shape(linkers=liar)
        self.assertIn("not prelinked", line)
        self.assertIn("lacks", line)
        self.links(archive)

    def test_without_tools_the_plain_archive_is_shipped(self):
        for tool in ["objcopy", "readelf", "ar"]:
            # (An objcopy that does nothing is no harm here: this archive has nothing to be removed.)
            for value in ["", "/bin/false"] + ["/bin/true"] * (tool != "objcopy"):
                with self.subTest(tool=tool, value=value):
                    line, archive = self.shape(**{tool: value})
                    self.assertIn("not prelinked", line)
                    self.links(archive)

    def test_an_objcopy_that_leaves_names_as_they_are_is_found_out(self):
        # As GNU objcopy for one machine does with objects for another. (The archive has the names of what is to be replaced.)
        idle = script(self.work / "objcopy", 'case "$*" in --weaken*) exit 0 ;; esac\nexec objcopy "$@"\n')
        line, archive = self.shape(objcopy=idle)
        self.assertIn("prelinked by GNU ld", line)
        self.links(archive)

    def test_linkers_that_cannot_are_not_asked(self):
        gold = shutil.which("ld.gold")
        if gold is None:
            self.skipTest("no gold")
        line, archive = self.shape(linkers=gold)
        self.assertIn("ld.gold: cannot prelink", line)
        self.links(archive)


class Surroundings(Case):
    """What a project, a distribution or a user has set for everything, and what becomes of it."""

    def cargo(self, **env):
        """The environment and the arguments that cargo is run with."""
        script(self.work / "cargo", f'env >"{self.work}/env"; printf "%s\\n" "$@" >"{self.work}/arguments"; exit 3\n')
        code, output = self.configure(f"-DOTAKIT_CARGO={self.work}/cargo", f"-DOTAKIT_RUSTC={RUSTC}", env=env)
        self.assertEqual(code, 0, output)
        code, self.said = run("cmake", "--build", self.work / "tree", env=env)
        self.assertNotEqual(code, 0, self.said)
        lines = (line.partition("=") for line in (self.work / "env").read_text().split("\n"))
        return {name: value for name, _, value in lines}, (self.work / "arguments").read_text().split("\n")

    def test_rust_flags_of_the_user_go_first_and_none_is_empty(self):
        for given, wanted in [(" -Copt-level=2", ["-Copt-level=2"]), ("-Ca  -Cb ", ["-Ca", "-Cb"]), ("-Ca", ["-Ca"])]:
            env, arguments = self.cargo(RUSTFLAGS=given)
            flags = env["CARGO_ENCODED_RUSTFLAGS"].split("\x1f")
            self.assertEqual(flags[: len(wanted)], wanted)
            self.assertNotIn("", flags)
            self.assertNotIn("--config", arguments)
            shutil.rmtree(self.work / "tree")
        env, arguments = self.cargo(CARGO_ENCODED_RUSTFLAGS="")
        self.assertTrue(env["CARGO_ENCODED_RUSTFLAGS"].startswith("--remap-path-prefix="), env)
        for blank in ["", "   "]:
            env, arguments = self.cargo(RUSTFLAGS=blank)
            self.assertNotIn("CARGO_ENCODED_RUSTFLAGS", env)
            self.assertRegex(arguments[arguments.index("--config") + 1], r'^(build|target\.[\w-]+)\.rustflags=\["--remap')

    def test_rust_flags_of_cargos_configuration_stay(self):
        """Cargo uses one place for them alone: ours go where the user's are."""
        home = self.work / "home"
        home.mkdir()
        theirs = '["-Cmetadata=theirs"]'
        upper = HOST.upper().replace("-", "_")
        for text, env, place, first in [
            ("", {}, "build", None),
            (f"[build]\nrustflags = {theirs}\n", {}, "build", None),
            (f"build.rustflags = [\n  '-Ca',\n]\n", {}, "build", None),
            (f"build = {{ rustflags = {theirs} }}\n", {}, "build", None),
            ('[build]\nrustflags = "-Ca  -Cb"\n', {}, None, ["-Ca", "-Cb"]),
            ("[build]\nrustflags = '-Ca'\n", {"CARGO_BUILD_RUSTFLAGS": "-Cb"}, None, ["-Ca", "-Cb"]),
            (f"[target.{HOST}]\nrustflags = {theirs}\n[build]\nrustflags = ['-Cno']\n", {}, f"target.{HOST}", None),
            (f'target."{HOST}".rustflags = {theirs}\n', {}, f"target.{HOST}", None),
            (f"[target.{HOST}]\nlinker = 'x'\nrustflags = '-Ca'\n", {}, None, ["-Ca"]),
            (f"[target.'cfg(target_os = \"linux\")']\nrustflags = {theirs}\n", {}, f"target.{HOST}", None),
            # Those of another target, and a comment, are nothing to us.
            (f"[target.wasm32-unknown-unknown]\nrustflags = {theirs}\n", {}, "build", None),
            (f"[build]\n# [target.{HOST}]\n# rustflags = {theirs}\njobs = 2\n", {}, "build", None),
            ("", {f"CARGO_TARGET_{upper}_RUSTFLAGS": "-Ca"}, f"target.{HOST}", None),
            ("[build]\nrustflags = '-Cno'\n", {"RUSTFLAGS": "-Ca"}, None, ["-Ca"]),
        ]:
            with self.subTest(text=text, env=env):
                (home / "config.toml").write_text(text)
                shutil.rmtree(self.work / "tree", ignore_errors=True)
                seen, arguments = self.cargo(CARGO_HOME=str(home), **env)
                if place:
                    self.assertNotIn("CARGO_ENCODED_RUSTFLAGS", seen)
                    given = arguments[arguments.index("--config") + 1]
                    self.assertTrue(given.startswith(f'{place}.rustflags=["--remap-path-prefix='), given)
                else:
                    self.assertNotIn("--config", arguments)
                    flags = seen["CARGO_ENCODED_RUSTFLAGS"].split("\x1f")
                    self.assertEqual(flags[: len(first)], first)
                    self.assertTrue(all(flag.startswith("--remap-path-prefix=") for flag in flags[len(first):]), flags)
        # Whether a cfg() fits is not for CMake to say: then one line tells what is left out.
        (home / "config.toml").write_text(f"[build]\nrustflags = {theirs}\n[target.'cfg(unix)']\nrustflags = ['-Cu']\n")
        shutil.rmtree(self.work / "tree")
        self.cargo(CARGO_HOME=str(home))
        self.assertIn("those in [build] are not used", self.said)

    def test_rust_flags_of_cargos_configuration_reach_rustc(self):
        """With cargo itself: every place that cargo knows, joined with ours."""
        home, crate = self.work / "home", self.work / "crate"
        (crate / "src").mkdir(parents=True)
        home.mkdir()
        (crate / "Cargo.toml").write_text('[package]\nname = "tiny"\nversion = "0.1.0"\nedition = "2021"\n')
        (crate / "src/lib.rs").write_text("")
        (self.work / "ask.cmake").write_text(
            f'include("{ROOT}/cmake/CargoFlags.cmake")\n'
            f'otakit_place_flags("{HOST}" "{home}" "{crate}" "--cfg=ours" "--cfg=also")\n'
            f'execute_process(COMMAND "${{CMAKE_COMMAND}}" -E env "CARGO_HOME={home}" ${{otakit_flags_env}} cargo build -v --offline\n'
            f'  ${{otakit_flags_config}} WORKING_DIRECTORY "{crate}" RESULT_VARIABLE result)\n'
            "if(result)\n  message(FATAL_ERROR failed)\nendif()\n")
        for text, wanted in [("", []), ("[build]\nrustflags = ['--cfg=first', '--cfg=second']\n", ["first", "second"]),
                             ("[build]\nrustflags = '--cfg=first --cfg=second'\n", ["first", "second"]),
                             (f"[target.{HOST}]\nrustflags = '--cfg=first'\n", ["first"]),
                             (f"[target.{HOST}]\nrustflags = ['--cfg=first']\n[build]\nrustflags = ['--cfg=no']\n", ["first"]),
                             ("[target.'cfg(unix)']\nrustflags = ['--cfg=first']\n", ["first"])]:
            with self.subTest(text=text):
                (home / "config.toml").write_text(text)
                shutil.rmtree(crate / "target", ignore_errors=True)
                code, output = run("cmake", "-P", self.work / "ask.cmake")
                self.assertEqual(code, 0, output)
                self.assertEqual(sorted(re.findall(r"--cfg[= ](\w+)", output)), sorted([*wanted, "also", "ours"]), output)

    def test_another_target_is_neither_taken_from_the_environment_nor_from_cargos_configuration(self):
        env, arguments = self.cargo(CARGO_BUILD_TARGET="wasm32-unknown-unknown")
        self.assertNotIn("CARGO_BUILD_TARGET", env)
        self.assertNotIn("--target", arguments)
        home = self.work / "home"
        home.mkdir()
        (home / "config.toml").write_text('[build]\ntarget = "wasm32-unknown-unknown"\n')
        shutil.rmtree(self.work / "tree")
        env, arguments = self.cargo(CARGO_HOME=str(home))
        self.assertEqual(arguments[arguments.index("--target") + 1], HOST)
        self.assertEqual(env["CARGO_HOME"], str(home))

    def test_without_a_home_cargos_folder_is_the_users(self):
        saved = {name: os.environ.pop(name) for name in ("HOME", "CARGO_HOME") if name in os.environ}
        self.addCleanup(os.environ.update, saved)
        env, arguments = self.cargo(RUSTUP_HOME=saved.get("RUSTUP_HOME", saved.get("HOME", "") + "/.rustup"))
        self.assertEqual(env["CARGO_HOME"], str(pathlib.Path("~").expanduser() / ".cargo"))

    def test_folders_that_are_absolute_are_so_for_pkg_config(self):
        code, output = self.configure("-DCMAKE_INSTALL_PREFIX=/usr", "-DCMAKE_INSTALL_LIBDIR=/a/lib",
                                      "-DCMAKE_INSTALL_INCLUDEDIR=/b/include")
        self.assertEqual(code, 0, output)
        for name, wanted in [("libdir", "/a/lib"), ("includedir", "/b/include/otakit"), ("prefix", "/usr")]:
            code, output = run("pkg-config", f"--variable={name}", self.work / "tree/otakit-linkkit.pc")
            self.assertEqual((code, output.strip()), (0, wanted))

    def test_names_unity_builds_and_link_flags_of_a_project_around_it(self):
        features = [f"-D{name}={value}" for name, value in cached(BUILD).items()
                    if name in WORDS and not name.startswith("OTAKIT_BUILD_")]
        code, output = self.configure(*features, "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_DEBUG_POSTFIX=d", "-DCMAKE_UNITY_BUILD=ON",
                                      "-DCMAKE_SHARED_LINKER_FLAGS=-Wl,-z,defs", "-DCMAKE_SHARED_LIBRARY_PREFIX=x")
        self.assertEqual(code, 0, output)
        code, output = run("cmake", "--build", self.work / "tree")
        self.assertEqual(code, 0, output)
        prefix = self.work / "installed"
        code, output = run("cmake", "--install", self.work / "tree", "--prefix", prefix)
        self.assertEqual(code, 0, output)
        code, output = run("pkg-config", "--cflags", "--libs", "otakit-linkkit", env={"PKG_CONFIG_PATH": str(prefix / "lib/pkgconfig")})
        self.assertEqual(code, 0, output)
        code, output = run("gcc", ROOT / "tests/c/link/main.c", *output.split(), "-o", self.work / "program")
        self.assertEqual(code, 0, output)
        for name in ["libotakit.so", "libotakit_hal.a", "libotakit_posix.so"]:
            self.assertTrue((prefix / "lib" / name).exists(), name)
        # One object per function.
        objects = run("ar", "t", prefix / "lib/libotakit_hal.a")[1].split()
        self.assertIn("HAL_Malloc.c.o", objects)


class Produced(Case):
    """Whatever the build has written and somebody deletes, the next build writes again."""

    def features(self):
        return [f"-D{name}={value}" for name, value in cached(BUILD).items()
                if name in WORDS and not name.startswith("OTAKIT_BUILD_")]

    def deleted(self, generator):
        tree = self.work / "tree"
        code, output = self.configure("-G", generator, *self.features(), "-DOTAKIT_BUILD_EXAMPLES=ON")
        self.assertEqual(code, 0, output)
        code, output = run("cmake", "--build", tree, "--parallel", "2")
        self.assertEqual(code, 0, output)
        # (CMake's own files and what prelinking leaves between two steps are nobody's product.)
        files = {*(tree / "lib").iterdir(), *tree.glob("*.pc"), *tree.glob("*onfig*.cmake"), tree / "otakit-rust.stamp",
                 tree / "exports.map", tree / "BuildRust.cmake", tree / "Missing.cmake",
                 *(path for path in (tree / "examples_c").iterdir() if path.is_file() and os.access(path, os.X_OK))}
        alone = [path for path in files if path.parent.name == "lib" or path.suffix in (".map", ".stamp")]
        self.assertGreater(len(alone), 8, alone)
        for gone in [*({path} for path in sorted(alone)), files - set(alone), files]:
            with self.subTest(generator=generator, gone=sorted(path.name for path in gone)[:3]):
                for path in gone:
                    path.unlink()
                code, output = run("cmake", "--build", tree, "--parallel", "2")
                self.assertEqual(code, 0, output)
                self.assertEqual([str(path) for path in sorted(files) if not path.exists()], [])

    def test_make(self):
        self.deleted("Unix Makefiles")

    def test_ninja(self):
        self.deleted("Ninja")

    def test_the_compilers_wrapper_in_cargos_folder(self):
        """Whoever empties cargo's folder takes it away."""
        (self.work / "sysroot").symlink_to("/")
        script(self.work / "cargo", f'env | sed -n "s/^CC_[a-z0-9_]*=//p" >"{self.work}/cc"; exit 3\n')
        code, output = self.configure(f"-DOTAKIT_CARGO={self.work}/cargo", f"-DOTAKIT_RUSTC={RUSTC}",
                                      f"-DCMAKE_SYSROOT={self.work}/sysroot")
        self.assertEqual(code, 0, output)
        shutil.rmtree(self.work / "tree/cargo")
        run("cmake", "--build", self.work / "tree")
        wrapper = (self.work / "cc").read_text().strip()
        self.assertIn(f"--sysroot={self.work}/sysroot", pathlib.Path(wrapper).read_text())
        self.assertTrue(os.access(wrapper, os.X_OK))


def cached(tree):
    """{name: value} of a build tree's cache."""
    return dict(re.findall(r"^(\w+):\w+=(.*)$", (tree / "CMakeCache.txt").read_text(), re.M))


class Installed(Case):
    @classmethod
    def setUpClass(cls):
        cls.prefix = pathlib.Path(tempfile.mkdtemp(prefix="otakit-installed-"))
        cls.addClassCleanup(shutil.rmtree, cls.prefix)
        code, output = run("cmake", "--install", BUILD, "--prefix", cls.prefix, "--strip")
        assert code == 0, output
        cls.lib = cls.prefix / "lib"

    def flags(self, *words):
        code, output = run("pkg-config", "--cflags", "--libs", *words, env={"PKG_CONFIG_PATH": str(self.lib / "pkgconfig")})
        self.assertEqual(code, 0, output)
        return output.split()

    def program(self, *command):
        code, output = run(*command, "-Wall", "-Wextra", "-Werror", "-o", self.work / "program")
        self.assertEqual(code, 0, output)
        code, output = run(self.work / "program")
        self.assertEqual(code, 0, output)

    def test_a_program_without_shared_libraries(self):
        self.program("gcc", "-static", ROOT / "tests/c/link/main.c", *self.flags("--static", "otakit-linkkit"))

    def test_clang_takes_the_pkg_config_line_without_a_warning(self):
        if not shutil.which("clang"):
            self.skipTest("no clang")
        for static in [[], ["-static"]]:
            self.program("clang", *static, ROOT / "tests/c/link/main.c", *self.flags("--static", "otakit-linkkit"), "-lotakit_hal")

    def test_the_licences_are_there(self):
        for name in ["LICENSE-MIT", "LICENSE-APACHE"]:
            self.assertEqual((self.prefix / "share/doc/otakit" / name).read_bytes(), (ROOT / name).read_bytes())

    def test_strip_strips_the_shared_libraries(self):
        for name in ["libotakit.so", "libotakit_posix.so"]:
            sections = run("readelf", "-SW", self.lib / name)[1]
            self.assertNotIn(" .symtab ", sections)
            self.assertIn(" .dynsym ", sections)

    def test_dlopen_needs_the_hal_or_the_library_that_has_it(self):
        (self.work / "load.c").write_text(
            "#include <dlfcn.h>\n#include <stdio.h>\nint main(int argc, char **argv)\n{\n"
            "    void *library = dlopen(argc > 1 ? argv[1] : \"\", RTLD_NOW);\n"
            "    if (library == NULL) {\n        puts(dlerror());\n        return 1;\n    }\n"
            "    return dlsym(library, \"otakit_set_log_level\") == NULL ? 2 : 0;\n}\n")
        code, output = run("gcc", self.work / "load.c", "-o", self.work / "load", "-ldl")
        self.assertEqual(code, 0, output)
        code, output = run(self.work / "load", self.lib / "libotakit_posix.so")
        self.assertEqual(code, 0, output)
        code, output = run(self.work / "load", self.lib / "libotakit.so")
        self.assertEqual(code, 1)
        self.assertRegex(output, "undefined symbol: HAL_")
        # A program that has them and shows them can load it.
        code, output = run("gcc", self.work / "load.c", "-o", self.work / "load", "-rdynamic", f"-L{self.lib}",
                           "-Wl,--whole-archive", "-lotakit_hal", "-Wl,--no-whole-archive", "-ldl", "-lpthread", "-lrt")
        self.assertEqual(code, 0, output)
        code, output = run(self.work / "load", self.lib / "libotakit.so")
        self.assertEqual(code, 0, output)

    def test_find_package_says_which_component_is_missing(self):
        (self.work / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.18)\nproject(p C)\n"
            "find_package(otakit REQUIRED COMPONENTS linkkit ${WANTED})\n")
        base = ("cmake", "-S", self.work, "-B", self.work / "b", f"-DCMAKE_PREFIX_PATH={self.prefix}")
        code, output = run(*base)
        self.assertEqual(code, 0, output)
        code, output = run(*base, "-DWANTED=nosuch")
        self.assertNotEqual(code, 0)
        self.assertIn("otakit has no component 'nosuch'", " ".join(output.split()))

    def test_tools_with_plugins_read_the_archive(self):
        for command in [("nm", self.lib / "libotakit.a"), ("ar", "t", self.lib / "libotakit.a")]:
            code, output = run(*command)
            self.assertEqual(code, 0, output)
        self.assertIn(" T IOT_OTA_Init", run("nm", self.lib / "libotakit.a")[1])
        sections = run("readelf", "-SW", self.lib / "libotakit.a")[1]
        self.assertNotIn(".llvmbc", sections)


def main():
    global BUILD, HOST
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("patterns", nargs="*")
    arguments = parser.parse_args()
    BUILD = arguments.build.resolve()
    HOST = re.search(r"host: (\S+)", run(RUSTC, "-vV")[1])[1]
    command = [sys.argv[0]]
    for pattern in arguments.patterns:
        command += ["-k", pattern]
    unittest.main(argv=command)


if __name__ == "__main__":
    main()
