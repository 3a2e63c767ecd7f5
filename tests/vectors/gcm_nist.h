// AES-GCM vectors of NIST's CAVP, gcmEncryptExtIV{128,192,256}.rsp: of each section with IVlen 96,
// Taglen 128, PTlen of 0, 104, 256 or 408 and AADlen of 0, 160 or 720 the one with count 0.
#pragma once

#include <array>

namespace gotthard::crypto::testing {

struct GcmVector {
  const char* key;
  const char* nonce;
  const char* plaintext;
  const char* aad;
  const char* ciphertext;
  const char* tag;
};

inline constexpr std::array kNistGcm{
    GcmVector{"11754cd72aec309bf52f7687212e8957", "3c819d9a9bed087615030b65", "", "", "",
              "250327c674aaf477aef2675748cf6971"},
    GcmVector{"2fb45e5b8f993a2bfebc4b15b533e0b4", "5b05755f984d2b90f94b8027", "",
              "e85491b2202caf1d7dce03b97e09331c32473941", "", "c75b7832b2a2d9bd827412b6ef5769db"},
    GcmVector{"20b5b6b854e187b058a84d57bc1538b6", "94c1935afc061cbf254b936f", "",
              "ca418e71dbf810038174eaa3719b3fcb80531c7110ad9192d105eeaafa15b819ac005668752b344ed1b2"
              "2faf77048baf03dbddb3b47d6b00e95c4f005e0cc9b7627ccafd3f21b3312aa8d91d3fa0893fe5bff7d4"
              "4ca46f23afe0",
              "", "b37286ebaf4a54e0ffc2a1deafc9f6db"},
    GcmVector{"fe9bb47deb3a61e423c2231841cfd1fb", "4d328eb776f500a2f7fb47aa",
              "f1cc3818e421876bb6b8bbd6c9", "", "b88c5c1977b35b517b0aeae967",
              "43fd4727fe5cdb4b5b42818dea7ef8c9"},
    GcmVector{"fe0121f42e599f88ff02a985403e19bb", "3bb9eb7724cbe1943d43de21",
              "fd331ca8646091c29f21e5f0a1", "2662d895035b6519f3510eae0faa3900ad23cfdf",
              "59fe29b07b0de8d869efbbd9b4", "d24c3e9c1c73c0af1097e26061c857de"},
    GcmVector{"e5b1e7a94e9e1fda0873571eec713429", "5ddde829a81713346af8e5b7",
              "850069e5ed768b5dc9ed7ad485",
              "b0ce75da427fba93da6d3455b2b440a877599a6d8d6d2d66ee90b5cf9a33baaa8329a9ffaac290e8e33f"
              "2af2548c2a8a181b3d4d9f8fac860cc26b0d26b9cc53bc9f405afa73605ebeb376f2d1d7fcb065bab92f"
              "20f295556ade",
              "c211d9079d5562659db01e17d1", "884893fb035d3d7237d47c363de62bb3"},
    GcmVector{"9971071059abc009e4f2bd69869db338", "07a9a95ea3821e9c13c63251",
              "f54bc3501fed4f6f6dfb5ea80106df0bd836e6826225b75c0222f6e859b35983", "",
              "0556c159f84ef36cb1602b4526b12009c775611bffb64dc0d9ca9297cd2c6a01",
              "7870d9117f54811a346970f1de090c41"},
    GcmVector{"fedc7155192d00b23cdd98750db9ebba", "a76b74f55c1a1756a08338b1",
              "6831435b8857daf1c513b148820d13b5a72cc490bda79a98a6f520d8763c39d1",
              "2ad206c4176e7e552aa08836886816fafa77e759",
              "15823805da89a1923bfc1d6f87784d56bad1128b4dffdbdeefbb2fa562c35e68",
              "d23dc455ced49887c717e8eabeec2984"},
    GcmVector{"8fbf7ca12fd525dde91e625873fe51c2", "200bea517b9790a1cfadaf5e",
              "39d3e6277c4b4963840d1642e6faae0a5be2da97f61c4e55bb57ce021903d4c4",
              "a414c07fe2e60bec9ccc409e9e899c6fe60580bb2607c861f7f08523e69cda1b9c3a711d1d9c35091771"
              "e4c950b9996d0ad04f2e00d1b3105853542a96e09ffffc2ec80f8cf88728f594f0aeb14f98a688234e8b"
              "fbf70327b364",
              "fe678ef76f69ac95db553b6dadd5a07a9dc8e151fe6a9fa3a1cd621636b87868",
              "7c860774f88332b9a7ce6bbd0272a727"},
    GcmVector{"594157ec4693202b030f33798b07176d", "49b12054082660803a1df3df",
              "3feef98a976a1bd634f364ac428bb59cd51fb159ec1789946918dbd50ea6c9d594a3a31a5269b0da6936"
              "c29d063a5fa2cc8a1c",
              "",
              "c1b7a46a335f23d65b8db4008a49796906e225474f4fe7d39e55bf2efd97fd82d4167de082ae30fa01e4"
              "65a601235d8d68bc69",
              "ba92d3661ce8b04687e8788d55417dc2"},
    GcmVector{"fe47fcce5fc32665d2ae399e4eec72ba", "5adb9609dbaeb58cbd6e7275",
              "7c0e88c88899a779228465074797cd4c2e1498d259b54390b85e3eef1c02df60e743f1b840382c4bccaf"
              "3bafb4ca8429bea063",
              "88319d6e1d3ffa5f987199166c8a9b56c2aeba5a",
              "98f4826f05a265e6dd2be82db241c0fbbbf9ffb1c173aa83964b7cf5393043736365253ddbc5db877837"
              "1495da76d269e5db3e",
              "291ef1982e4defedaa2249f898556b47"},
    GcmVector{"2c1f21cf0f6fb3661943155c3e3d8492", "23cb5ff362e22426984d1907",
              "42f758836986954db44bf37c6ef5e4ac0adaf38f27252a1b82d02ea949c8a1a2dbc0d68b5615ba7c1220"
              "ff6510e259f06655d8",
              "5d3624879d35e46849953e45a32a624d6a6c536ed9857c613b572b0333e701557a713e3f010ecdf9a6bd"
              "6c9e3e44b065208645aff4aabee611b391528514170084ccf587177f4488f33cfb5e979e42b6e1cfc0a6"
              "0238982a7aec",
              "81824f0e0d523db30d3da369fdc0d60894c7a0a20646dd015073ad2732bd989b14a222b6ad57af43e189"
              "5df9dca2a5344a62cc",
              "57a3ee28136e94c74838997ae9823f3a"},
    GcmVector{"aa740abfadcda779220d3b406c5d7ec09a77fe9d94104539", "ab2265b4c168955561f04315", "",
              "", "", "f149e2b5f0adaa9842ca5f45b768a8fc"},
    GcmVector{"093ef7551ebbff8eb0c0a8a4a62b198f0c2e838de10eeeee", "e656e93930ed5210ba3f0322", "",
              "3da22dacfd11b21b0a713157f60aec0cd22f1add", "", "1b2d2764573e20ae640bf29d48e5fe05"},
    GcmVector{"c25d347ffb5b7ba079be2279a0a7f220f19c74bb9c5a15b6", "b35f142182fea65c642368ed", "",
              "1967a0bd80cf2c9c58e441e12cba788f9c072177e1ce02f30d58ae981ab37eac452c0d9f1c5f3485d7b1"
              "6ae09366821d23d44479d52ccc4acd8fa6f5b9013845c629f69c612c9cbbcdca3bdf43855fa7c71bff45"
              "8a7d4c019ad9",
              "", "f5a0d64924aeab15a636c7ce4db52243"},
    GcmVector{"60991b595b0271efc87f21a979d61ca8fb11ccfcc4726819", "0ed37872b369e4fdc3ea4090",
              "786fd2bc953160d5fd30e4e8cb", "", "685c7ebd80c7e2a5a586f10935",
              "f1712cc78b4b3ab7e79e7eda1efa2f72"},
    GcmVector{"4bea36ca9c7a5cf6df8f8bb5be1e97647d014bd181d50e28", "bff3d447b453eeb78f3a5650",
              "d4f1053348696176de90c538c6", "33b7e18c7d5fd133faadd0ab524b86526e398203",
              "0d9f7cde2614b71ed9c4b93503", "e88484488bd6470aa5e79b898c93dd28"},
    GcmVector{"ea319c2f397022a0d1b011e59b6524dffc609a2970c39c21", "f88c737fd24ad5804c468bbb",
              "c02dcc36a608b2d5e95f93821d",
              "f8ef7628b75b405a37a78959fedc0bd7f8d0b38ec66f0cbd2aed154cb9240e2102909855f0ddaa3f6805"
              "cba53b53826acc49b8d9e66d6ba0df26506bfc1570dd9634a56448568dd57a0a087b6f45f1448d956d90"
              "b1d0eed8d271",
              "7c7dbe434a8463e2779b12e430", "54d21140bd173e64f5932fbc3817654f"},
    GcmVector{"165c4aa5d78ee15f297d5d2eae39eaac3480fc50a6d9a98e", "0e321e714c4a262350fc50fc",
              "5afa41efe94c0193fc9fe62fd6cfacc8868725ab4965a5c9132d74179f0aee72", "",
              "5ab8ac904e7d4a627ee327b4629b686319936abc709e8c0fb6817cb16d0c4f76",
              "62bfea782d6a05cd04030c433639b969"},
    GcmVector{"0f8877b56237ebca4685abddf394ce662a9c012d88eeeda1", "1817a5ca06e3432b2e015db6",
              "2fa4c38377f66842ad546c043c9ee81b33e6b4cd5a6647520fd5589cba20e366",
              "0bb495977ba3ea02e8020293817ce5c5eaba0c5d",
              "7c03dad4c8ac7fdf40453b1484a4db42839a0a06b69951a573123a0d8032d6b3",
              "3fc49f14bee122324aef236546b301d9"},
    GcmVector{"1b8fef01cf6efabc2c7cff16ff67a33013f0629a0ad93695", "e95ebb1e8d31d1ac414ad5f1",
              "c0c92256032ed3113a79410a8b0e250e9a97fb47298d122932ff94d8f940bcf8",
              "9c1a356040a187b7d85c7bbdc23d3e9c638f014bd5629088757b5705b4f27833b0a2b3fa4c9c43a77c69"
              "a3a20affd2ac4aa6fdf2e07c0a8daf1a19c49a6a69fbf4251b7798173182a528e6eb941928af9953bf59"
              "5bfb7bdf5c3a",
              "2c043ec69c255c7eaf7bef479b74674ff20c185bcc6f942422c7b5be19996837",
              "6bce3abee7b7a6563ab79f68a41972f4"},
    GcmVector{"b33a0d6ecb0a2c4e4deab7e065227f7a5b056f96ecab3761", "464e4ea75b77e7a1fa330372",
              "a8beff90519d7e537b0f95f97b9ebcd4d71fce3e59f87cc43cc4f7453319c973a4dd47cf4d7062b001e5"
              "2828ee545a0ae27e46",
              "",
              "a6f8564d9a4913fb366f83289ffebc7eeb3e240ac2f4030883a28e2778458894f7ad7d8f3e9a8ce32b27"
              "a0249f0c22454d7c0d",
              "d094b97785b7e0b09dc0008f4f0da9d7"},
    GcmVector{"9900227ae0fccbb0d35ecf954629c969f36e539399f32ebe", "1398992bfbd63149c14ba2a2",
              "9d4227eed28b9738f21541c4755a923a43ba20d6f3d6a6b7e31e56f1502f5e93ed4c00511c6a7daeb028"
              "1ab947e91756638154",
              "788b6885feff23fc27bf9c462877b642ba1aa68d",
              "7b6ee7dd98eda9b20edb414711d9710de402b01950a6712e5809f608f7c0aa0fba4098f145fea6886d7b"
              "af51fcd182c8febf49",
              "f22c7c21f5ece2de684821092194f26c"},
    GcmVector{"50f5cc5e33774f383235c64e77c502ca6c5d06ab0af6be04", "9d4c766490224946d91a99a7",
              "35df59329eb5fc30c28791164bf9b374df228d2be467414727f457a9dd0f079f7342e23adb06929ce0ad"
              "607116ee11718ce320",
              "4feca4174889298e992b765dfa67d33219f9b23898f8e869b7f1fbf5d71d87b44edd963d1055618b9db7"
              "bffe96b7856f3197868d6ce5e755a6c751661773e1def403a4cf036151ecae67b35f2891285420956604"
              "ef31c9aab341",
              "77670f6520a34dfc05819a10f322b30e397473fe51f8274bfb105c2eec37e24951abaef11e73c3c425a8"
              "c4b2d8c3ffeb8ed924",
              "5349ef7a70499f2760123c0d5dcf5a6d"},
    GcmVector{"b52c505a37d78eda5dd34f20c22540ea1b58963cf8e5bf8ffa85f9f2492505b4",
              "516c33929df5a3284ff463d7", "", "", "", "bdc1ac884d332457a1d2664f168c76f0"},
    GcmVector{"886cff5f3e6b8d0e1ad0a38fcdb26de97e8acbe79f6bed66959a598fa5047d65",
              "3a8efa1cd74bbab5448f9945", "", "519fee519d25c7a304d6c6aa1897ee1eb8c59655", "",
              "f6d47505ec96c98a42dc3ae719877b87"},
    GcmVector{"03ccb7dbc7b8425465c2c3fc39ed0593929ffd02a45ff583bd89b79c6f646fe9",
              "fd119985533bd5520b301d12", "",
              "98e68c10bf4b5ae62d434928fc6405147c6301417303ef3a703dcfd2c0c339a4d0a89bd29fe61fecf106"
              "6ab06d7a5c31a48ffbfed22f749b17e9bd0dc1c6f8fbd6fd4587184db964d5456132106d782338c3f117"
              "ec05229b0899",
              "", "cf54e7141349b66f248154427810c87a"},
    GcmVector{"82c4f12eeec3b2d3d157b0f992d292b237478d2cecc1d5f161389b97f999057a",
              "7b40b20f5f397177990ef2d1", "982a296ee1cd7086afad976945", "",
              "ec8e05a0471d6b43a59ca5335f", "113ddeafc62373cac2f5951bb9165249"},
    GcmVector{"69b458f2644af9020463b40ee503cdf083d693815e2659051ae0d039e606a970",
              "8d1da8ab5f91ccd09205944b", "f3e0e09224256bf21a83a5de8d",
              "036ad5e5494ef817a8af2f5828784a4bfedd1653", "c0a62d77e6031bfdc6b13ae217",
              "a794a9aaee48cd92e47761bf1baff0af"},
    GcmVector{"ff9506b4d46ba54128876fadfcc673a4c927c618ea7d95cfcaa508cbc8f7fc66",
              "3742ad2208a0484345eee1be", "7fd0d6cadc92cad27bb2d7d8c8",
              "f1360a27fdc244be8739d85af6491c762a693aafe668c449515fdeeedb6a90aeee3891bbc8b69adc6a64"
              "26cb12fcdebc32c9f58c5259d128b91efa28620a3a9a0168b0ff5e76951cb41647ba4aa1f87fac0d97ac"
              "580e42cffc7e",
              "bdb8346b28eb4d7226493611a6", "7484d827b767647f44c7f94a39f8175c"},
    GcmVector{"268ed1b5d7c9c7304f9cae5fc437b4cd3aebe2ec65f0d85c3918d3d3b5bba89b",
              "9ed9d8180564e0e945f5e5d4",
              "fe29a40d8ebf57262bdb87191d01843f4ca4b2de97d88273154a0b7d9e2fdb80", "",
              "791a4a026f16f3a5ea06274bf02baab469860abde5e645f3dd473a5acddeecfc",
              "05b2b74db0662550435ef1900e136b15"},
    GcmVector{"5853c020946b35f2c58ec427152b840420c40029636adcbb027471378cfdde0f",
              "eec313dd07cc1b3e6b068a47",
              "ce7458e56aef9061cb0c42ec2315565e6168f5a6249ffd31610b6d17ab64935e",
              "1389b522c24a774181700553f0246bbabdd38d6f",
              "eadc3b8766a77ded1a58cb727eca2a9790496c298654cda78febf0da16b6903b",
              "3d49a5b32fde7eafcce90079217ffb57"},
    GcmVector{"26bf255bee60ef0f653769e7034db95b8c791752754e575c761059e9ee8dcf78",
              "cecd97ab07ce57c1612744f5",
              "96983917a036650763aca2b4e927d95ffc74339519ed40c4336dba91edfbf9ad",
              "afebbe9f260f8c118e52b84d8880a34622675faef334cdb41be9385b7d059b79c0f8a432d25f8b71e781"
              "b177fce4d4c57ac5734543e85d7513f96382ff4b2d4b95b2f1fdbaf9e78bbd1db13a7dd26e8a4ac83a3e"
              "8ab42d1d545f",
              "e34b1540a769f7913331d66796e00bdc3ee0f258cf244eb7663375cc5ad6c658",
              "3841f02beb7a7fca7e578922d0a2f80c"},
    GcmVector{"1fded32d5999de4a76e0f8082108823aef60417e1896cf4218a2fa90f632ec8a",
              "1f3afa4711e9474f32e70462",
              "06b2c75853df9aeb17befd33cea81c630b0fc53667ff45199c629c8e15dce41e530aa792f796b8138eea"
              "b2e86c7b7bee1d40b0",
              "",
              "91fbd061ddc5a7fcc9513fcdfdc9c3a7c5d4d64cedf6a9c24ab8a77c36eefbf1c5dc00bc50121b96456c"
              "8cd8b6ff1f8b3e480f",
              "30096d340f3d5c42d82a6f475def23eb"},
    GcmVector{"24501ad384e473963d476edcfe08205237acfd49b5b8f33857f8114e863fec7f",
              "9ff18563b978ec281b3f2794",
              "27f348f9cdc0c5bd5e66b1ccb63ad920ff2219d14e8d631b3872265cf117ee86757accb158bd9abb3868"
              "fdc0d0b074b5f01b2c",
              "adb5ec720ccf9898500028bf34afccbcaca126ef",
              "eb7cb754c824e8d96f7c6d9b76c7d26fb874ffbf1d65c6f64a698d839b0b06145dae82057ad55994cf59"
              "ad7f67c0fa5e85fab8",
              "bc95c532fecc594c36d1550286a7a3f0"},
    GcmVector{"148579a3cbca86d5520d66c0ec71ca5f7e41ba78e56dc6eebd566fed547fe691",
              "b08a5ea1927499c6ecbfd4e0",
              "9d0b15fdf1bd595f91f8b3abc0f7dec927dfd4799935a1795d9ce00c9b879434420fe42c275a7cd7b39d"
              "638fb81ca52b49dc41",
              "e4f963f015ffbb99ee3349bbaf7e8e8e6c2a71c230a48f9d59860a29091d2747e01a5ca572347e247d25"
              "f56ba7ae8e05cde2be3c97931292c02370208ecd097ef692687fecf2f419d3200162a6480a57dad408a0"
              "dfeb492e2c5d",
              "2097e372950a5e9383c675e89eea1c314f999159f5611344b298cda45e62843716f215f82ee663919c64"
              "002a5c198d7878fd3f",
              "adbecdb0d5c2224d804d2886ff9a5760"},
};

}  // namespace gotthard::crypto::testing
