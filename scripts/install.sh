#!/usr/bin/env bash
# Puts a built frame where the system looks for it, in the GNU directories below PREFIX, or takes it away again.
#
#   PREFIX=/usr/local DESTDIR= scripts/install.sh [--uninstall]
#
# FRAME names another binary than the one that `make build` leaves. DESTDIR goes before every path, for packages: what is
# written into the files is the path without it. Uninstalling removes what this source would install, and no data.
set -euo pipefail
cd "$(dirname "$0")/.."

prefix=${PREFIX:-/usr/local}
root=${DESTDIR:-}$prefix
frame=${FRAME:-.build/release/frame}
share=$root/share

case "$prefix" in
  /*) ;;
  *) echo "error: PREFIX '$prefix' is not an absolute path" >&2; exit 64 ;;
esac
# It is written into the unit and goes through sed.
case "$prefix" in
  *[!A-Za-z0-9/._+-]*) echo "error: PREFIX '$prefix' has characters that a unit's path cannot have" >&2; exit 64 ;;
esac

unit_dir=$root/lib/systemd/system
bash_completion=$share/bash-completion/completions/frame
zsh_completion=$share/zsh/site-functions/_frame
fish_completion=$share/fish/vendor_completions.d/frame.fish

# Every file that is installed as it is: its mode, where it is, where it goes.
plain() {
  local file
  for file in docs/man/*.1; do echo "0644 $file $share/man/man1/${file##*/}"; done
  for file in dashboards/*.json; do echo "0644 $file $share/frame/$file"; done
  for file in alerts/*.yaml alerts/tests/*.yaml; do echo "0644 $file $share/frame/$file"; done
  for file in runbooks/*.md; do echo "0644 $file $share/frame/$file"; done
  for file in README.md ARCHITECTURE.md CHANGELOG.md CONTRIBUTING.md LICENSE SECURITY.md Benchmarks/*.{md,svg}; do
    echo "0644 $file $share/doc/frame/$file"
  done
  for file in docs/*.md docs/decisions/*.md; do echo "0644 $file $share/doc/frame/$file"; done
  while read -r file; do echo "0644 $file $share/doc/frame/$file"; done < <(find docs/examples -type f | sort)
  echo "0644 packaging/frame.sysusers $root/lib/sysusers.d/frame.conf"
  echo "0644 packaging/frame.tmpfiles $root/lib/tmpfiles.d/frame.conf"
}
# Beside the documents, so that what they link to is there; and the documents beside the runbooks, which link to them.
linked=(alerts dashboards runbooks)

install_all() {
  local mode from to name
  [ -x "$frame" ] || { echo "error: there is no $frame; run make build first, as the user who builds" >&2; exit 66; }
  while read -r mode from to; do install -D -m "$mode" "$from" "$to"; done < <(plain)
  # The binary has these libraries in it, and their licences ask to be passed on with it.
  for from in .build/checkouts/*/{LICENSE,NOTICE}*; do
    [ -f "$from" ] || continue
    name=${from#.build/checkouts/}
    install -D -m 0644 "$from" "$share/doc/frame/licences/${name//\//-}"
  done
  for name in "${linked[@]}"; do ln -sfn "../../frame/$name" "$share/doc/frame/$name"; done
  ln -sfn ../doc/frame/docs "$share/frame/docs"
  install -d "${bash_completion%/*}" "${zsh_completion%/*}" "${fish_completion%/*}" "$unit_dir"
  "$frame" --generate-completion-script bash >"$bash_completion"
  "$frame" --generate-completion-script zsh >"$zsh_completion"
  "$frame" --generate-completion-script fish >"$fish_completion"
  sed "s#/usr/local/bin/#$prefix/bin/#" packaging/frame@.service >"$unit_dir/frame@.service"
  chmod 0644 "$bash_completion" "$zsh_completion" "$fish_completion" "$unit_dir/frame@.service"
  # Last, and in one step: a node that runs keeps its file, and who starts one meanwhile gets the old or the new.
  install -D -m 0755 "$frame" "$root/bin/.frame.new"
  mv -f "$root/bin/.frame.new" "$root/bin/frame"
  echo "frame $("$root/bin/frame" version) is in $root; docs/on_a_server.md says how to go on" >&2
}

uninstall_all() {
  local mode from to name
  while read -r mode from to; do rm -f -- "$to"; done < <(plain)
  for name in "${linked[@]}"; do rm -f -- "$share/doc/frame/$name"; done
  rm -f -- "$share/frame/docs"
  rm -rf -- "$share/doc/frame/licences"
  rm -f -- "$root/bin/frame" "$bash_completion" "$zsh_completion" "$fish_completion" "$unit_dir/frame@.service"
  # Only what nobody else can have a file in.
  for name in share/frame share/doc/frame; do
    [ ! -d "$root/$name" ] || find "$root/$name" -depth -type d -empty -delete
  done
}

case "${1:-}" in
  "") install_all ;;
  --uninstall) uninstall_all ;;
  *) echo "usage: PREFIX=/usr/local DESTDIR= $0 [--uninstall]" >&2; exit 64 ;;
esac
