"""Ansible's plugins of this project: modules run on hosts, all else where Ansible runs."""
