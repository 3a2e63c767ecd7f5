// Made by ike_keys.py beside this file, without any code of Gotthard.
#pragma once

#include <string_view>

namespace gotthard::ike::vectors {

// Secrets come in the order of their exchanges. `ike` is SK_d | SK_ai | SK_ar | SK_ei | SK_er |
// SK_pi | SK_pr with 32 bytes of SK_e and as many of SK_a as the PRF has; `child` is 144 bytes of
// KEYMAT of the new IKE SA.
struct Keys {
  std::string_view name, ni, nr, shared, skeyseed, ike, rekey_shared, rekey_further, rekey_skeyseed,
      rekey_skeyseed_further, child, child_pfs, child_further;
};

inline constexpr unsigned long kSpiInitiator = 0x0102030405060708;
inline constexpr unsigned long kSpiResponder = 0xf1f2f3f4f5f6f7f8;

inline constexpr Keys kKeys[] = {
    {
        .name = "sha256",
        .ni = "48c77bf94762b3ba1c05c131a1bddfd21a72f4423cb9e77bf788e21e3b0e9392",
        .nr = "252842db23066162873a21d87a42d6a53dabeab86183495c88d4ca5af134428ea4532b650e6ecb83cbb9"
              "0d54c328083f",
        .shared =
            "b3a15ecbfcb91d94434be69b58b2889cdf2a2699e411311a77eccff501b8265e5ecf10961ba6fca7d279"
            "0c171c57ee3c594bf821f0445779a2c811dc75bb1f444f198eeb927bf905e293b510af288f59f285adc1"
            "d42e746fd37f87be8f1840b9",
        .skeyseed = "60e344cfd793c5e6f0186f292caaf773ea59ff7a18aa647029b2240fbaa4fca6",
        .ike =
            "37cdeea6bc27a9e55cbc0ef970943446182a241b3fb118514559b5eba009bf85e02be61414e9cf72d504"
            "29b77ccbbcb221b336d5ddaf74196fb43f5a18b4055cf4af02fc060299a1ed16974d278f2c1c987ce609"
            "63f099dd80680cdf76f991ff351f7f89d374b4ee413280b16d72f1a859b81d2ccc959d6a05776fdce22c"
            "2f68aa6244bd588077f1b4e2a3773d2ae9c4aea11f505bf707e6d4c6edd55ec6a5835296b55b464d5c32"
            "398a6aed8b045471ba6d3d7c3efb00029835fac29cb13c8d13f04d7188128fb656584a60212fb796f593"
            "2cf04592349bd109727db32cb17e",
        .rekey_shared = "e47be67c912da087aa3f6e7117d1a9b5f9cf081b11ae163d8a5b9a1ff024b8f8",
        .rekey_further =
            "0855b0cf83d272a5c4fb129bf12aedf9f8c2814255d0fb8524d6eebd2f08bbdec3668a19a1f31ec4f1e3"
            "fa7848f7871f2122cc04bf57de5f",
        .rekey_skeyseed = "6cf9d42a096d23caadfd3aaf38a79bb98e7eeb0e90d1501e706af4f375704873",
        .rekey_skeyseed_further =
            "c8b77a9edf7024992c9f5702dc078f2e1f113162bb655d7bb01f49aa4d5cc8ef",
        .child =
            "0b466928529fc56d8c584b5a52ee16cd53c7d4777684ff9f5dd59ea09708f0331749bdbabd310957d8e5"
            "6a9d078ab8331d176364c11a5304289ecd6c30bfc3fb8ce897eed96bbe7742b01f9f78402579804d0c2c"
            "d832ede6561189e8c9748f92898f2e384eff0e3e42264204cc7563329aba4c51b19c02f20358b062e882"
            "c231ef70957b801c128b002471c7d6464f2d",
        .child_pfs =
            "c119f9420f51e4ff9370637e214d400de22637cc1dbaa102e2286ab6542d7344b3d9f984b7e42c070a74"
            "d220304f1142f58dd6a184b75da20f10968519689e1305b712d7386a8dc1e3cd726617e8247384173bdc"
            "e5dbb219b18788f7a3d740f3a472c290c144d8df89858f5925c9e7fe2c7a6dc235489490ba814989a5e1"
            "d01b93fb0c830ed33b3caabefce0a4441809",
        .child_further =
            "a4f43b26bcb2c6d3e9adb4f9f976929ff81531d873d2d841dbe9766fd6a6ce6379f7ad15168ba5af9853"
            "8bcabc51c19a8cc2d2ffd7c3f34717fdbb1eac91102dc43ec0156c6d94a44bef0d18a2d455b56f5071f9"
            "a46fc3477d574b7365e47f080a5b082c9c63b83efd42570cbc94e2762d11dae6d0f514ad08b6c73b2c48"
            "bbc490b56a0ff81ebb81b5e593adec72b29b",
    },
    {
        .name = "sha384",
        .ni = "597df48ffce70e959e7f4ebe1ed2cc447e78d0effd8b288e8682b06c16686250",
        .nr = "5563c7a436bbd9037046400d4d04c0122f62436ad90c763596cba5e9bdb347bfbe378bdb20434d7c3d37"
              "2f39782ea23f",
        .shared =
            "42b907b23d2ee0272ca03198b524b145cc148658d173192f320b4ada72c500e22a67bacf821fa9687fd4"
            "0a6eead56f4ba7e323d94bf36670c9ba33984f2a4c32bb637a899c0387966608a386ce453b6ba1041efb"
            "08677c7c5d37ce9d81587ca6",
        .skeyseed =
            "69b62861c09b7f00f6619c00c6133d300e1fd589749d8a9499dfbd14511216f2c6734847b78ec1311a7a"
            "f009d2d5ccba",
        .ike =
            "cfe05cb258e768a0f4c253bc36fb3b69033274f87ab18c420779abddda46cc3c89a8c065e9f41cf1bf86"
            "ea9fb3b2938e27179120bc7f8f8d43b3370f30db1a9a77f8428568656dc757e9e6beeb4bb19ee4932deb"
            "18dbc12f3124fc1f22ec11bc0806f48979d98ee7ff41c7b9688107261e71578b785d87566e3f2b400587"
            "b15c5d4b10c77f306b3c4e66a86c6dca1f51049dff64cd41cc54f67b7163c0d8df0402e397b790cd0cf9"
            "506de1436292f6e1e2bdb8eeccbcd6ff1e717883f641a261cd84db1d90e34f1b3a02bf989f08fc2795ca"
            "932a7b1e7bfaa99d7b5dc5db5465f881d6fcf3ee47022ac6c8f2814d587934a9d79de0fccdfd67ad8187"
            "4b1d846c46f82bda051718a2b81f518de83a92afaccf39791a5c0667cadeebb6b67cba2a2a0cda0c6943"
            "bb51411b51485a43a064",
        .rekey_shared = "f49fdc750f6bb4f169cfcc4f8c00400eb326a518bc7c4f96b0c196bce62613ab",
        .rekey_further =
            "3031e5f2260ab513dcf200f2d8d2ac67c026f0d2079ba3fb24cb7e6fc9ab1b7d6d2b998177e0eda47b86"
            "2fd8d34da79a4ea16776a818e5f8",
        .rekey_skeyseed =
            "1bc8770aad1677f22349eb52e2c9995185b93b0f036956eecb7e8bd2466387a8d5f20918c73bee098093"
            "bc4fee933d83",
        .rekey_skeyseed_further =
            "532f13be020359afbe103f661f3beafbc04c93e8d485e9dcb5ccbddda38283274a79ad70c88f2c261db8"
            "dada9a379bd8",
        .child =
            "5ea80860699d99d3585ae3ea63d80ce2b5915720b90901adea2c0712b8296ac798ffbbc3eff2496a9150"
            "7ecadedaefa3e8e41362fc72fdc6f388ebc180d45e9ce744232ddb51436bda126130503a8f465c7bfa8c"
            "4d3a7aa820955322b50f9dfce1eccde7426758285334278a7f70986689282dcb4a817ace0a9f53355c6e"
            "7ebf33e5b0aa52b485df7d258e3ce0ce0fea",
        .child_pfs =
            "43767e0f46dd0f1f58664b4ace4ce635a17a55844f3c79280acc3799c0cb089fd40073d8dfa26d7324a6"
            "98d759608b53e6af29ad820f4fcf83a672b4cd5600c644af307ddda1b614f9954007f014a82679bb4a78"
            "f05ff2217838c6d8d4ed818ec3359105c5c5280b66d442b59d48b0aa108e307bf1750730e8ac51a7338a"
            "312c93d59cfe173fbf5fdd4ff51f8dadb277",
        .child_further =
            "036d94dd43932fc3dca890a243af513b7d600601458c4ebd8e2aab51e58b080bdf081f4cbc1db3157b12"
            "d80332b9593ffbfd0cd06a52eb7907cb2375f565549cb4821fa35dfb7d8f0a888030edb08b5c1ad813a2"
            "bce5e2dcf1d6010086366ed7c53169250d78744142669915f1620f2bf2544224e7ba868213443bb3c993"
            "5f7edd4b734d3f6bb68b2e668f9b7b95a3a7",
    },
    {
        .name = "sha512",
        .ni = "aad6efca714c025583ea74471d0b35af5cd615c9adaa6050734f508c67b24322",
        .nr = "863dfd23eb8ace464a995bd64c72d937fa179438e1e2aefc0d94124a25544e16fd357cdcd6618d83bd76"
              "b7eb977b2198",
        .shared =
            "d5a73cd4dc5020885a7c0c5ebddffca63a21805a8a4988f73fe5ba229696dcafd1d19d5fa32208db8191"
            "9e9db833990a00ff3cd2f826afd40c7bdad7c36b386786a8e5907fed95e9b53bd8dbc2e9919800992551"
            "0b7dc3560b592fbc60b4c2aa",
        .skeyseed =
            "aedd8838ca1842e8da02c9f250150867e6d0765ddf3972c98d245713da38cf179163d4c196ebda91c037"
            "3dcab9fbab9287e7ba5b7c27bd1949e9b12f065b8f14",
        .ike =
            "339b89ac27c6f26a5996915973e177cb357fa8d1ff75aa28a43e1cf93748da8bcf8aec8191a7342d7712"
            "99fb166a4dc6b3ac3d360581767973abcb31119bed48d1621324c8f9aa463b0a5afd3194aee158ff9914"
            "0b672d6a2ed17c5e4c8a92e65c0a6ef78727e4ce379f429ab3ebe0b6118380d5eacbea9289e14cf9a354"
            "065f6facdd0fd422d0f9b4bce74c23f7be71ddef9584c680341fc29db04f7aedbd023735c2c91695411d"
            "328ffe3816ff44c075408824ea0b754f59602e71414b266614fa486f94fc4f92a3abb90fab8da66f6179"
            "99d14eae69150d91f4a878cd6b1ca7b586d26a2bc296bff5b95dc3bc64bbfb15545b44b2af9851befa96"
            "b6bf0f144da19ac4425fccf08aa0e6c27438a17b68bb1db3b2ebaaade3afa5c2ff920557ef0d44c6de36"
            "0a4c5f928f11930b204ecde702390cbc9a790ee307bae47a5c49ddb37242ebd48aed25eb66f62b64b76e"
            "fd58738e4cc478cb1cd451b7e0987abc47fb3af0ea20650806656810ee5716512a03c27227f3d0f9701c"
            "bf79280851c7",
        .rekey_shared = "287e606e1fae66bced9682b2ee58bcd92a27e4ea65bcbb177a0b0e6e447da3cb",
        .rekey_further =
            "59706b178746dc23256929403fa130e1e8c80875a8c1bafc4f93c4f15bc582aa3e73c8ef13b38a8a50c6"
            "ee1b86c6a3c5c8dfdf6bf6bf6691",
        .rekey_skeyseed =
            "2be8447c785bb007a69ee8d0265ac5b512bd6f7e8ac796ef15f291d56fcbf363f6e6dfe5d4c2bb19c936"
            "f4885dffcb29c9bb32798220dcc79f1eae279875d14a",
        .rekey_skeyseed_further =
            "c434035612aedff855737121a3e4e4d3e64e506dd6ac0db7430b71ded45ca978d278140f27a51b5448de"
            "6210fff2c68a364a835ab97dcff02f0fa530fd4bf6d1",
        .child =
            "7d4daa76589a8b7eaac1da2ba0f20360bd3951571fbb434b91306e27746700b135c6e664995f7d85b4ca"
            "092161a8788b511982edc82195060f99c96483d0b9800e3c838ada177d0feb6852f70f629e7c44e5982a"
            "d186ba6280179b85fd9fc6c43f26df020a08c3168ff616612c98f0543eaf039163852e017ed996b9da3a"
            "652827d97b1c029c3db8af97bda4834982c3",
        .child_pfs =
            "27599def41b8adcb04ca59fc2b1b314ca6dabdff4a5955b3ba7670dea5273b9fa56d66d58d4652589c71"
            "1adad4599727407bb98f25d2c5881a84fb615a5cf2e36f94b3385f4f0db011c29a2d90fa8407edf1113e"
            "966b52aab6d763c5c2e14edb8fe2de208062c29a63a2936be0b20a2d573e4abf2035a171fc5c163703c6"
            "ca9d85eff1b94b21f5bb5b78e5df3caf3651",
        .child_further =
            "449b34fb35c6d0a786b68f3401f1b6bd9e143c99b7574d1a98e80a4ca306e35514a69ea33132f1775c82"
            "d1f29e50b4d9e5b146a83341197b4eef0d8baa3b6e80d2d0722bf7bcad3ab041cbd65a6194be122e19d8"
            "78f43ba9a5847d5a47316f89fa852d6d97b092137f553f6263abfa27ca595315d1301879a9ed101ab254"
            "0151649d7f091bb68181584fb53961940b21",
    },
};

}  // namespace gotthard::ike::vectors
