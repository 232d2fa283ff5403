#!/bin/sh
# Sở A: Trụ sở
# Department A: Head office (so-a/tru-so): OpenWrt 23.05 or later, as root: sh so-a-tru-so.sh
# The router's own address in its network is 10.3.0.1 and fd00:0:3::1.
# Routes come by BGP, which OpenWrt has in packages of its own:
#   opkg install wireguard-tools frr frr-zebra frr-bgpd frr-bfdd frr-watchfrr
set -e
# What an earlier run has left, so that a second one ends where the first one did.
for section in network.wg_vpn_1 network.wg_vpn_1_peer network.wg_vpn_1_ipv4 network.wg_vpn_1_ipv6 firewall.wg_vpn_1; do
  uci -q delete "$section" || true
done
for section in network.wg_vpn_2 network.wg_vpn_2_peer network.wg_vpn_2_ipv4 network.wg_vpn_2_ipv6 firewall.wg_vpn_2; do
  uci -q delete "$section" || true
done
for section in network.wg_d_a_b network.wg_d_a_b_peer network.wg_d_a_b_ipv4 network.wg_d_a_b_ipv6 firewall.wg_d_a_b; do
  uci -q delete "$section" || true
done
uci -q delete firewall.hoaban || true
uci batch <<'END'
set network.wg_vpn_1='interface'
set network.wg_vpn_1.proto='wireguard'
set network.wg_vpn_1.private_key='BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ='
set network.wg_vpn_1.mtu='1360'
set network.wg_vpn_1.nohostroute='1'
add_list network.wg_vpn_1.addresses='10.3.0.1/32'
add_list network.wg_vpn_1.addresses='fd00:0:3::1/128'
set network.wg_vpn_1_peer='wireguard_wg_vpn_1'
set network.wg_vpn_1_peer.public_key='AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE='
set network.wg_vpn_1_peer.preshared_key='CwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCwsLCws='
set network.wg_vpn_1_peer.endpoint_host='203.0.113.11'
set network.wg_vpn_1_peer.endpoint_port='51820'
set network.wg_vpn_1_peer.route_allowed_ips='0'
set network.wg_vpn_1_peer.persistent_keepalive='25'
add_list network.wg_vpn_1_peer.allowed_ips='10.1.0.138/32'
add_list network.wg_vpn_1_peer.allowed_ips='fd00:0:1:2::a/128'
add_list network.wg_vpn_1_peer.allowed_ips='10.2.0.10/31'
add_list network.wg_vpn_1_peer.allowed_ips='10.2.1.138/32'
add_list network.wg_vpn_1_peer.allowed_ips='fd00:0:2::a/127'
add_list network.wg_vpn_1_peer.allowed_ips='fd00:0:2:102::a/128'
set network.wg_vpn_1_ipv4='route'
set network.wg_vpn_1_ipv4.interface='wg_vpn_1'
set network.wg_vpn_1_ipv4.target='10.1.0.138/32'
set network.wg_vpn_1_ipv6='route6'
set network.wg_vpn_1_ipv6.interface='wg_vpn_1'
set network.wg_vpn_1_ipv6.target='fd00:0:1:2::a/128'
set network.wg_vpn_2='interface'
set network.wg_vpn_2.proto='wireguard'
set network.wg_vpn_2.private_key='BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ='
set network.wg_vpn_2.mtu='1360'
set network.wg_vpn_2.nohostroute='1'
add_list network.wg_vpn_2.addresses='10.3.0.1/32'
add_list network.wg_vpn_2.addresses='fd00:0:3::1/128'
set network.wg_vpn_2_peer='wireguard_wg_vpn_2'
set network.wg_vpn_2_peer.public_key='AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI='
set network.wg_vpn_2_peer.preshared_key='DAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw='
set network.wg_vpn_2_peer.endpoint_host='203.0.113.12'
set network.wg_vpn_2_peer.endpoint_port='51820'
set network.wg_vpn_2_peer.route_allowed_ips='0'
set network.wg_vpn_2_peer.persistent_keepalive='25'
add_list network.wg_vpn_2_peer.allowed_ips='10.1.0.139/32'
add_list network.wg_vpn_2_peer.allowed_ips='fd00:0:1:2::b/128'
add_list network.wg_vpn_2_peer.allowed_ips='10.2.0.10/31'
add_list network.wg_vpn_2_peer.allowed_ips='10.2.1.138/32'
add_list network.wg_vpn_2_peer.allowed_ips='fd00:0:2::a/127'
add_list network.wg_vpn_2_peer.allowed_ips='fd00:0:2:102::a/128'
set network.wg_vpn_2_ipv4='route'
set network.wg_vpn_2_ipv4.interface='wg_vpn_2'
set network.wg_vpn_2_ipv4.target='10.1.0.139/32'
set network.wg_vpn_2_ipv6='route6'
set network.wg_vpn_2_ipv6.interface='wg_vpn_2'
set network.wg_vpn_2_ipv6.target='fd00:0:1:2::b/128'
set network.wg_d_a_b='interface'
set network.wg_d_a_b.proto='wireguard'
set network.wg_d_a_b.private_key='BAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQ='
set network.wg_d_a_b.mtu='1360'
set network.wg_d_a_b.nohostroute='1'
set network.wg_d_a_b.listen_port='51830'
add_list network.wg_d_a_b.addresses='10.3.0.1/32'
add_list network.wg_d_a_b.addresses='fd00:0:3::1/128'
set network.wg_d_a_b_peer='wireguard_wg_d_a_b'
set network.wg_d_a_b_peer.public_key='AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM='
set network.wg_d_a_b_peer.preshared_key='DQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0NDQ0='
set network.wg_d_a_b_peer.route_allowed_ips='1'
set network.wg_d_a_b_peer.persistent_keepalive='25'
add_list network.wg_d_a_b_peer.allowed_ips='10.3.0.64/26'
add_list network.wg_d_a_b_peer.allowed_ips='fd00:0:3:1::/64'
set firewall.hoaban='zone'
set firewall.hoaban.name='hoaban'
set firewall.hoaban.input='REJECT'
set firewall.hoaban.output='ACCEPT'
set firewall.hoaban.forward='REJECT'
add_list firewall.hoaban.network='wg_vpn_1'
add_list firewall.hoaban.network='wg_vpn_2'
set firewall.hoaban_out='forwarding'
set firewall.hoaban_out.src='lan'
set firewall.hoaban_out.dest='hoaban'
set firewall.hoaban_bgp='rule'
set firewall.hoaban_bgp.name='hoaban bgp'
set firewall.hoaban_bgp.src='hoaban'
set firewall.hoaban_bgp.proto='tcp'
set firewall.hoaban_bgp.dest_port='179'
set firewall.hoaban_bgp.target='ACCEPT'
set firewall.hoaban_bfd='rule'
set firewall.hoaban_bfd.name='hoaban bfd'
set firewall.hoaban_bfd.src='hoaban'
set firewall.hoaban_bfd.proto='udp'
set firewall.hoaban_bfd.dest_port='4784'
set firewall.hoaban_bfd.target='ACCEPT'
set firewall.hoaban_icmp='rule'
set firewall.hoaban_icmp.name='hoaban icmp'
set firewall.hoaban_icmp.src='hoaban'
set firewall.hoaban_icmp.proto='icmp'
set firewall.hoaban_icmp.target='ACCEPT'
set firewall.wg_d_a_b='zone'
set firewall.wg_d_a_b.name='a_b'
set firewall.wg_d_a_b.input='REJECT'
set firewall.wg_d_a_b.output='ACCEPT'
set firewall.wg_d_a_b.forward='REJECT'
add_list firewall.wg_d_a_b.network='wg_d_a_b'
set firewall.wg_d_a_b_1='rule'
set firewall.wg_d_a_b_1.name='a-b 1'
set firewall.wg_d_a_b_1.family='ipv4'
set firewall.wg_d_a_b_1.src='a_b'
set firewall.wg_d_a_b_1.dest='lan'
set firewall.wg_d_a_b_1.src_ip='10.3.0.64/26'
set firewall.wg_d_a_b_1.dest_ip='10.3.0.0/26'
set firewall.wg_d_a_b_1.proto='tcp'
set firewall.wg_d_a_b_1.dest_port='443'
set firewall.wg_d_a_b_1.target='ACCEPT'
set firewall.wg_d_a_b_2='rule'
set firewall.wg_d_a_b_2.name='a-b 2'
set firewall.wg_d_a_b_2.family='ipv6'
set firewall.wg_d_a_b_2.src='a_b'
set firewall.wg_d_a_b_2.dest='lan'
set firewall.wg_d_a_b_2.src_ip='fd00:0:3:1::/64'
set firewall.wg_d_a_b_2.dest_ip='fd00:0:3::/64'
set firewall.wg_d_a_b_2.proto='tcp'
set firewall.wg_d_a_b_2.dest_port='443'
set firewall.wg_d_a_b_2.target='ACCEPT'
commit network
commit firewall
END
cat > /etc/frr/frr.conf <<'END'
frr defaults traditional
bfd
 profile hoaban
  detect-multiplier 4
  receive-interval 500
  transmit-interval 500
 exit
 peer 10.1.0.138 multihop local-address 10.3.0.1
  profile hoaban
 exit
 peer fd00:0:1:2::a multihop local-address fd00:0:3::1
  profile hoaban
 exit
 peer 10.1.0.139 multihop local-address 10.3.0.1
  profile hoaban
 exit
 peer fd00:0:1:2::b multihop local-address fd00:0:3::1
  profile hoaban
 exit
exit
ip prefix-list hoaban-in seq 1 permit 10.2.0.0/20 le 32
ipv6 prefix-list hoaban-in seq 2 permit fd00:0:2::/52 le 128
bgp community-list standard hoaban-drained seq 5 permit graceful-shutdown
route-map hoaban-in permit 10
 match community hoaban-drained
 set local-preference 0
exit
route-map hoaban-in permit 20
exit
ip prefix-list hoaban-own seq 1 permit 10.3.0.0/26
ipv6 prefix-list hoaban-own seq 1 permit fd00:0:3::/64
router bgp 4200000000
 bgp router-id 10.3.0.1
 no bgp default ipv4-unicast
 no bgp network import-check
 timers bgp 10 30
 neighbor 10.1.0.138 remote-as 64512
 neighbor 10.1.0.138 description vpn-1
 neighbor 10.1.0.138 update-source 10.3.0.1
 neighbor 10.1.0.138 ebgp-multihop 2
 neighbor 10.1.0.138 bfd
 neighbor 10.1.0.138 bfd profile hoaban
 neighbor fd00:0:1:2::a remote-as 64512
 neighbor fd00:0:1:2::a description vpn-1
 neighbor fd00:0:1:2::a update-source fd00:0:3::1
 neighbor fd00:0:1:2::a ebgp-multihop 2
 neighbor fd00:0:1:2::a bfd
 neighbor fd00:0:1:2::a bfd profile hoaban
 neighbor 10.1.0.139 remote-as 64512
 neighbor 10.1.0.139 description vpn-2
 neighbor 10.1.0.139 update-source 10.3.0.1
 neighbor 10.1.0.139 ebgp-multihop 2
 neighbor 10.1.0.139 bfd
 neighbor 10.1.0.139 bfd profile hoaban
 neighbor fd00:0:1:2::b remote-as 64512
 neighbor fd00:0:1:2::b description vpn-2
 neighbor fd00:0:1:2::b update-source fd00:0:3::1
 neighbor fd00:0:1:2::b ebgp-multihop 2
 neighbor fd00:0:1:2::b bfd
 neighbor fd00:0:1:2::b bfd profile hoaban
 address-family ipv4 unicast
  network 10.3.0.0/26
  neighbor 10.1.0.138 activate
  neighbor 10.1.0.138 prefix-list hoaban-in in
  neighbor 10.1.0.138 route-map hoaban-in in
  neighbor 10.1.0.138 prefix-list hoaban-own out
  neighbor 10.1.0.139 activate
  neighbor 10.1.0.139 prefix-list hoaban-in in
  neighbor 10.1.0.139 route-map hoaban-in in
  neighbor 10.1.0.139 prefix-list hoaban-own out
 exit-address-family
 address-family ipv6 unicast
  network fd00:0:3::/64
  neighbor fd00:0:1:2::a activate
  neighbor fd00:0:1:2::a prefix-list hoaban-in in
  neighbor fd00:0:1:2::a route-map hoaban-in in
  neighbor fd00:0:1:2::a prefix-list hoaban-own out
  neighbor fd00:0:1:2::b activate
  neighbor fd00:0:1:2::b prefix-list hoaban-in in
  neighbor fd00:0:1:2::b route-map hoaban-in in
  neighbor fd00:0:1:2::b prefix-list hoaban-own out
 exit-address-family
exit
END
sed -i 's/^\(bgpd\|bfdd\)=no/\1=yes/' /etc/frr/daemons
service network reload
service firewall reload
service frr restart
